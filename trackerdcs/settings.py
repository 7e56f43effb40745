"""Reads stand and mapping files: strict YAML into the domain's configuration, faults with file, line and field."""

import dataclasses
import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from trackerdcs.domain import mapping as mappings
from trackerdcs.domain import stand as stands
from trackerdcs.domain.alarm_config import AlarmRule, RulesFile, rule_faults
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.mapping import Mapping
from trackerdcs.domain.stand import Stand

Lines = dict[str, int]
Faults = Iterable[tuple[str, str]]
C = TypeVar("C", Stand, Mapping, RulesFile)

STAND_KEYS = {"stand", "devices"}
_TAG = "tag:yaml.org,2002:"
_EXPECTED = {
    "bool_type": "true or false",
    "dataclass_type": "keys with values",
    "dict_type": "keys with values",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "an integer",
    "string_type": "a text",
    "tuple_type": "a list",
}
_YAML = {
    "found character '\\t' that cannot start any token": "a tab: only spaces may indent and separate",
    "mapping values are not allowed here": "no key can be here: is this line or the one above indented wrongly?",
    "expected <block end>, but found '<block mapping start>'": "indented otherwise than the keys that it belongs to",
    "could not find expected ':'": "this line or the one above it lacks ': ' between key and value",
}
"""What the commonest slips look like to PyYAML, and what to look for in the file."""


@dataclass(frozen=True)
class StandFile:
    """A stand and where each of its fields stands, so that later checks can name file, line and field too."""

    path: Path
    stand: Stand
    lines: Lines

    def refuse(self, faults: Faults) -> None:
        """Raise ConfigError listing `faults`, pairs of field and reason, if there are any."""
        _refuse(self.path, self.lines, faults)


def load_stand(path: Path | str) -> Stand:
    """Read and check a stand file; raises one ConfigError that lists every fault as `FILE:LINE: field: reason`."""
    return read_stand(path).stand


def read_stand(path: Path | str) -> StandFile:
    """As load_stand, keeping the lines for checks that need more than the file (the drivers, say)."""
    path = Path(path)
    return _stand_file(path, _compose(path, "a stand file has at least stand and devices"))


def load_mapping(path: Path | str) -> Mapping:
    """Read and check a mapping file; raises one ConfigError that lists every fault as `FILE:LINE: field: reason`."""
    path = Path(path)
    return _mapping(path, _compose(path, "a mapping file has at least topics"))


def load_rules(path: Path | str) -> dict[str, AlarmRule]:
    """Read and check a file of alarm rules for all stands; ConfigError as load_stand."""
    path = Path(path)
    file, lines = _validated(path, _compose(path, "a file of rules has alarms"), RulesFile)
    _refuse(path, lines, rule_faults(file.alarms))
    return file.alarms


def read_file(path: Path | str) -> StandFile | Mapping:
    """A stand file or a mapping file, whichever it is by its keys."""
    path = Path(path)
    node = _compose(path, "a stand file has at least stand and devices, a mapping file topics")
    keys = _keys(node)
    if keys & STAND_KEYS:
        return _stand_file(path, node)
    if "topics" in keys:
        return _mapping(path, node)
    raise ConfigError(f"{path}:1: neither a stand file, which has stand and devices, nor a mapping file with topics")


def is_stand(path: Path) -> bool:
    """True for a file that has a stand file's keys, with faults or without; ConfigError where it is no YAML."""
    return bool(_keys(_compose(path, "a stand file has at least stand and devices")) & STAND_KEYS)


def _keys(node: yaml.Node) -> set[str]:
    return {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)}


def _stand_file(path: Path, node: yaml.Node) -> StandFile:
    stand, lines = _validated(path, node, Stand)
    file = StandFile(path, stand, lines)
    file.refuse(stands.contradictions(stand))
    return file


def _mapping(path: Path, node: yaml.Node) -> Mapping:
    mapping, lines = _validated(path, node, Mapping)
    _refuse(path, lines, mappings.contradictions(mapping))
    return mapping


def _validated(path: Path, node: yaml.Node, kind: type[C]) -> tuple[C, Lines]:
    """The configuration that a file holds, and where each of its fields stands."""
    lines: Lines = {}
    data = _plain(path, node, lines)
    try:
        # Through JSON, because pydantic's strict mode takes a dataclass from JSON but not from a dict.
        return TypeAdapter(kind).validate_json(json.dumps(data, ensure_ascii=False).encode(), strict=True), lines
    except UnicodeEncodeError as e:
        raise ConfigError(f"{path}: an escape stands for half a character: {e.object[e.start : e.end]!a}") from e
    except ValidationError as e:
        _refuse(path, lines, _faults(e.errors(), kind))
        raise ConfigError(f"{path}: {e}") from e


class _Loader(yaml.BaseLoader):
    """YAML with the plain values of version 1.2: `on` and `no` are texts, 2e-5 is a number, 010 is neither."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own shape)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not known here: write the value out", problem_mark=mark)
        return super().compose_node(parent, index)


_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"(~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)


def _compose(path: Path, needs: str) -> yaml.Node:
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    try:
        node = yaml.compose(raw.decode(), _Loader)
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8: byte 0x{raw[e.start]:02x}") from e
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        raise ConfigError(f"{path}:{line}: {_YAML.get(e.problem or '', e.problem)}") from e
    except yaml.reader.ReaderError as e:
        raise ConfigError(f"{path}: character {e.position}: {e.reason}") from e
    except RecursionError as e:
        raise ConfigError(f"{path}: nested too deeply") from e
    if node is None:
        raise ConfigError(f"{path}:1: the file is empty; {needs}")
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:{node.start_mark.line + 1}: expected keys with values, got {_shape(node)}")
    return node


def _plain(path: Path, node: yaml.Node, lines: Lines, field: str = "") -> Any:
    """The values of a node; fills `lines` with the line of each field on the way."""
    if isinstance(node, yaml.MappingNode):
        _tagged(path, node, "map")
        data: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{path}:{line}: {field or 'file'}: expected a plain key, got {_shape(key)}")
            below = f"{field}.{key.value}" if field else key.value
            if key.value in data:
                raise ConfigError(f"{path}:{line}: {below}: stands twice, first in line {lines[below]}")
            lines[below] = line
            data[key.value] = _plain(path, value, lines, below)
        return data
    if isinstance(node, yaml.SequenceNode):
        _tagged(path, node, "seq")
        for i, item in enumerate(node.value):
            lines[f"{field}.{i}"] = item.start_mark.line + 1
        return [_plain(path, item, lines, f"{field}.{i}") for i, item in enumerate(node.value)]
    match _tagged(path, node, "null", "bool", "int", "float", "str"):
        case "null":
            return None
        case "bool":
            return node.value.lower() == "true"
        case "int" | "float" as kind:
            return _number(path, node, kind)
    return node.value


def _tagged(path: Path, node: yaml.Node, *known: str) -> str:
    tag = node.tag.removeprefix(_TAG)
    if tag not in known:
        raise ConfigError(f"{path}:{node.start_mark.line + 1}: tag {node.tag} is not known here")
    return tag


def _number(path: Path, node: yaml.Node, kind: str) -> float:
    try:
        return int(node.value) if kind == "int" else float(node.value)
    except ValueError as e:
        raise ConfigError(f"{path}:{node.start_mark.line + 1}: expected a number, got {node.value[:60]!r}") from e


def _shape(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "a text" if node.value else "nothing"
    return "a list" if isinstance(node, yaml.SequenceNode) else "keys with values"


def _refuse(path: Path, lines: Lines, faults: Faults) -> None:
    found = sorted((_line(lines, field), f"{field}: {reason}") for field, reason in faults)
    if found:
        raise ConfigError("\n".join(f"{path}:{line}: {text}" for line, text in found))


def _line(lines: Lines, field: str) -> int:
    """Line of a field, or of the nearest one above it that stands in the file."""
    while field not in lines and "." in field:
        field = field.rpartition(".")[0]
    return lines.get(field, 1)


def _faults(errors: list[ErrorDetails], kind: type[C]) -> list[tuple[str, str]]:
    """Field and reason of each fault; what a field of several types might have been instead is said in one."""
    found: dict[str, list[str]] = {}
    for error in errors:
        found.setdefault(_field(error), []).append(_reason(error, kind))
    return [(field, _either(reasons)) for field, reasons in found.items()]


def _either(reasons: list[str]) -> str:
    if len(reasons) == 1:
        return reasons[0]
    parts = [reason.removeprefix("expected ").partition(", got ") for reason in reasons]
    return f"expected {' or '.join(wanted for wanted, _, _ in parts)}, got {parts[0][2]}"


def _field(error: ErrorDetails) -> str:
    """The path of keys. Where a field has several types, pydantic adds the one that it tried."""
    *above, last = (str(part) for part in error["loc"])
    tried = error["type"] in ("float_type", "literal_error") and (last == "float" or last.startswith("literal["))
    return ".".join(above if tried else [*above, last]) or "file"


def _reason(error: ErrorDetails, whole: type[C]) -> str:
    kind, got = error["type"], json.dumps(error["input"], ensure_ascii=False)
    if error["input"] is None:
        got = "nothing"
    if kind == "missing":
        return "missing"
    if kind == "unexpected_keyword_argument":
        *above, key = (str(part) for part in error["loc"])
        known = [f.name for f in dataclasses.fields(_type_at(whole, above))]
        near = difflib.get_close_matches(key, known, n=1)
        return f"unknown key; did you mean {near[0]}?" if near else f"unknown key; known here: {', '.join(known)}"
    if kind == "literal_error":
        return f"expected {error['ctx']['expected']}, got {got[:60]}"
    return f"expected {_EXPECTED[kind]}, got {got[:60]}" if kind in _EXPECTED else f"{error['msg']}, got {got[:60]}"


def _type_at(kind: Any, above: list[str]) -> Any:
    """The dataclass of a configuration at a path of keys."""
    for key in above:
        kind = get_type_hints(kind)[key] if dataclasses.is_dataclass(kind) else get_args(kind)[1]
        kind = next(
            (arg for arg in get_args(kind) if dataclasses.is_dataclass(arg) and get_origin(kind) is not dict), kind
        )
    return kind
