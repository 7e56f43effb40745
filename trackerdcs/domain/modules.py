"""What modules of a type bear: limits that narrow those of whatever channel such a module is on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from trackerdcs.domain.interlock import Strict


@dataclass(frozen=True)
class ModuleLimits(Strict):
    """What a module bears on the channels of one kind (V, A, V/s); what is absent is for the channel to say."""

    v_min: float | None = None
    v_max: float | None = None
    i_limit_max: float | None = None
    i_soft: float | None = None
    ramp_up: float | None = None
    ramp_down: float | None = None
    step_max: float | None = None


@dataclass(frozen=True)
class ModuleType(Strict):
    """What modules of this type bear on their high and low voltage."""

    hv: ModuleLimits | None = None
    lv: ModuleLimits | None = None


@dataclass(frozen=True)
class Modules:
    """The types of a stand file, and the type and the fuse id of each module that it knows."""

    types: dict[str, ModuleType] = field(default_factory=dict)
    of: dict[str, str] = field(default_factory=dict)
    fuse_ids: dict[str, str] = field(default_factory=dict)

    def limits(self, kind: str, module: str | None) -> ModuleLimits:
        """What a module bears on channels of `kind`; a module that the stand file does not know brings no limits."""
        found = self.types.get(self.of.get(module or "", ""), ModuleType())
        return {"hv": found.hv, "lv": found.lv}.get(kind) or ModuleLimits()


def contradictions_of(modules: Modules) -> Iterator[tuple[str, str]]:
    """What is wrong with the types and modules of a stand file, as (field, why)."""
    for name, module_type in modules.types.items():
        if not (name and name.isprintable()):
            yield f"module_types.{name}", "expected the name of a module type (printable)"
        for kind, limits in (("hv", module_type.hv), ("lv", module_type.lv)):
            if limits is None:
                continue
            at = f"module_types.{name}.{kind}"
            for f in fields(limits):
                value = getattr(limits, f.name)
                if f.name not in ("v_min", "v_max") and value is not None and value <= 0:
                    yield f"{at}.{f.name}", f"expected a finite number above 0, got {value}"
            if limits.v_min is not None and limits.v_max is not None and limits.v_min >= limits.v_max:
                yield f"{at}.v_min", f"{limits.v_min} V is not below v_max {limits.v_max} V"
    for module, name in modules.of.items():
        if not (module and module.isprintable()):
            yield f"modules.{module}", "expected the name of a module (printable)"
        if name not in modules.types:
            known = ", ".join(modules.types) or "none is described"
            yield f"modules.{module}", f"there is no module type {name!r}, expected one of module_types: {known}"
    by_fuse: dict[int, str] = {}
    for module, text in modules.fuse_ids.items():
        if re.fullmatch(r"(0x)?[0-9a-fA-F]{1,16}", text) is None:
            yield f"fuse_ids.{module}", f"expected what the module says of itself (hexadecimal, ec2acd51), got {text!r}"
        elif (other := by_fuse.setdefault(int(text, 16), module)) != module:
            yield f"fuse_ids.{module}", f"{text} is the fuse id of {other}"


def is_another(expected: str, said: str) -> bool:
    """Whether these are the fuse ids of two modules; however they are written."""
    return int(expected, 16) != int(said, 16)
