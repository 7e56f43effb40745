"""Line protocol of InfluxDB and Telegraf, read by its rules: escapes, quoted texts, integers, booleans."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.series import FieldValue
from trackerdcs.domain.storing import LARGEST

# A character behind a backslash never separates, whatever stands before the backslash: so does the server.
# Possessive (`++`), because a second try would take an escaped character for a separator after all.
_NOTHING = re.compile(r"(?:[ \t\r]*+\n|[ \t]*+#[^\n]*+(?:\n|\Z)|[ \t\r]++\Z)*+")
_HEAD = re.compile(r"[ \t]*+((?:[^ \n\\]++|\\ ?+)++)")
_FIELD = re.compile(r'((?:[^,= \n\\]++|\\[,= ]?+)++)=("(?:[^"\\]++|\\.)*+"|[^,\s"]++)', re.DOTALL)
_END = re.compile(r"(?: +(-?[0-9]{1,20}))?[ \t]*(?:\r?\n|\r?\Z)")
_COMMA = re.compile(r"(?<!\\),")
_EQUALS = re.compile(r"(?<!\\)=")
_ESCAPED = re.compile(r"\\([,= ])")
_ESCAPED_IN_MEASUREMENT = re.compile(r"\\([, ])")
_ESCAPED_IN_TEXT = re.compile(r'\\(["\\])')
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(-?[0-9]+)i|([0-9]+)u")
_TRUTH = dict.fromkeys(("t", "T", "true", "True", "TRUE"), 1.0) | dict.fromkeys(
    ("f", "F", "false", "False", "FALSE"), 0.0
)


class Line(NamedTuple):
    """A line: measurement and tags as they stand (`head`), fields, and the time as a number if there is one."""

    head: str
    fields: dict[str, FieldValue]
    time: int | None
    number: int


def lines_of(payload: bytes) -> Iterator[Line]:
    """The lines of a payload; raises ContractError naming line and field."""
    try:
        text = payload.decode()
    except UnicodeDecodeError as e:
        raise ContractError(f"not UTF-8: {e}") from e
    at, number = 0, 1
    while True:
        begin = _match(_NOTHING, text, at).end()
        number += text.count("\n", at, begin)
        if begin == len(text):
            return
        head = _HEAD.match(text, begin)
        if head is None or text[head.end() : head.end() + 1] != " ":
            raise ContractError(f"line {number}: expected measurement,tags fields, got {text[begin:][:60]!r}")
        fields, behind = _fields(text, head.end(), number)
        end = _END.match(text, behind)
        if end is None:
            raise ContractError(f"line {number}: expected a time and the end of the line, got {text[behind:][:60]!r}")
        yield Line(head[1], fields, int(end[1]) if end[1] else None, number)
        at = end.end()
        number += text.count("\n", begin, at)


def series_of(head: str) -> tuple[str, dict[str, str]]:
    """Measurement and tags."""
    measurement, *pairs = _COMMA.split(head)
    tags: dict[str, str] = {}
    for pair in pairs:
        parts = _EQUALS.split(pair)
        if len(parts) != 2 or not all(parts):
            raise ContractError(f"tag {pair[:60]!r}: expected name=text")
        name, value = (_ESCAPED.sub(r"\1", part) for part in parts)
        if name in tags:
            raise ContractError(f"tag {name}: stands twice")
        tags[name] = value
    return _ESCAPED_IN_MEASUREMENT.sub(r"\1", measurement), tags


def _fields(text: str, at: int, number: int) -> tuple[dict[str, FieldValue], int]:
    """The fields that begin behind the spaces at `at`, and where they end."""
    fields: dict[str, FieldValue] = {}
    while text[at : at + 1] == " ":
        at += 1
    while True:
        found = _FIELD.match(text, at)
        if found is None:
            raise ContractError(f"line {number}: expected field=value, got {text[at:][:60]!r}")
        name = found[1] if "\\" not in found[1] else _ESCAPED.sub(r"\1", found[1])
        if name in fields:
            raise ContractError(f"line {number}: field {name}: stands twice")
        value = _value(found[2])
        if value is None:
            raise ContractError(
                f"line {number}: field {name}: expected a number, a truth or a text in quotes, got {found[2][:60]!r}"
            )
        fields[name] = value
        at = found.end()
        if text[at : at + 1] != ",":
            return fields, at
        at += 1


def _value(raw: str) -> FieldValue | None:
    if raw[0] == '"':
        return _ESCAPED_IN_TEXT.sub(r"\1", raw[1:-1]) if "\\" in raw else raw[1:-1]
    if raw[-1] in "0123456789" and raw.isascii() and "_" not in raw:  # most of them: what float takes then, is one
        try:
            value = float(raw)
        except ValueError:
            return None
        return value if -LARGEST <= value <= LARGEST else None
    if number := _NUMBER.fullmatch(raw):
        value = float(number[1] or number[2] or number[3])
        return value if -LARGEST <= value <= LARGEST else None
    return _TRUTH.get(raw)


def _match(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    found = pattern.match(text, at)
    assert found is not None, "a pattern that nothing matches too"
    return found
