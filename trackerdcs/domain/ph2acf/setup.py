"""A bridge to Ph2_ACF as the stand file has it: programs, folders, allowed calibrations, what must hold for them."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.interlock import Fault, Strict
from trackerdcs.domain.topics import NAME, NOT_A_DEVICE, checked

Program = Literal["runCalibration", "CMSITminiDAQ"]
Violated = Literal["note", "abort"]
KINDS = ("hv", "lv")


@dataclass(frozen=True)
class NeedConfig(Strict):
    """What must hold of one quantity (`of: env1.t_air`), or of one of each channel of the run of a kind
    (`each: hv.state`): a text (`equals: on`), a switch, within `min` and `max`, or `steady` within a band for `over` s.

    `violated`: what happens when it no longer holds during a run.
    """

    of: str | None = None
    each: str | None = None
    equals: bool | str | None = None
    min: float | None = None
    max: float | None = None
    absolute: bool = False
    steady: float | None = None
    over: float = 30.0
    violated: Violated = "note"


@dataclass(frozen=True)
class SettingConfig(Strict):
    """An argument of a calibration: a number that is written into the copy of the configuration as this `setting`."""

    setting: str
    low: float
    high: float
    whole: bool = True


@dataclass(frozen=True)
class RecipeConfig(Strict):
    """A calibration that may be started. `needs`: names of what must hold; `idle` and `total` in s: how long the
    program may say nothing, and how long it may take. `lease`: the high voltage of the run is held."""

    program: Program = "runCalibration"
    needs: tuple[str, ...] = ()
    lease: bool = False
    idle: float = 900.0
    total: float = 7200.0
    arguments: dict[str, SettingConfig] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True)
class BridgeConfig(Strict):
    """A bridge: where Ph2_ACF is (`setup`, its folder; `programs`, absolute paths), where runs are made (`work`) and
    which configurations may be used (`configs`, a folder); `channels` feed its modules, `around` is read beside them.

    With `sim` programs and configurations that are not named are the simulated ones. `interlocks`: those that must be
    ok before and during a run. `lease`: s after which a bridge that has died lets go. `stop_wait`: s from SIGINT to
    SIGKILL.
    """

    calibrations: dict[str, RecipeConfig]
    setup: str | None = None
    configs: str | None = None
    channels: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    programs: dict[str, str] = field(default_factory=dict)
    work: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    needs: dict[str, NeedConfig] = field(default_factory=dict)
    interlocks: tuple[str, ...] = ()
    interlock_open: Violated = "note"
    sim: bool = False
    period: float = 1.0
    stop_wait: float = 20.0
    lease: float = 60.0

    def program(self, name: Program) -> str:
        """The absolute path of a program."""
        return self.programs.get(name) or f"{(self.setup or '').rstrip('/')}/bin/{name}"


def channel(text: str) -> tuple[str, str]:
    """Device and channel of `hv1.ch0`; `env1` is the channel `-` of a device without channels."""
    device, dot, ch = text.partition(".")
    return device, ch if dot else "-"


def bridge_faults(
    bridges: Mapping[str, BridgeConfig],
    devices: Collection[str],
    interlocks: Collection[str],
    taken: Collection[str],
    users: Mapping[str, str] | None = None,
) -> Iterator[Fault]:
    """Contradictions as (field, why), field as `calibrations.ph2acf1.needs.cold.of`. `taken`: names of services;
    `users`: who may command, None where everybody may."""
    for name, bridge in bridges.items():
        at = f"calibrations.{name}"
        try:
            checked(name, "bridge", NOT_A_DEVICE)
        except ContractError as e:
            yield at, str(e)
        if name in devices or name in taken:
            yield at, "a device or a service has this name already"
        leases = [n for n, recipe in bridge.calibrations.items() if recipe.lease]
        if leases and users is not None and users.get(name, "viewer") == "viewer":
            yield f"{at}.calibrations.{leases[0]}.lease", f"{name} has to be a shifter among users, to hold a channel"
        yield from ((f"{at}.{f}", why) for f, why in _bridge(bridge, devices, interlocks))


def _bridge(bridge: BridgeConfig, devices: Collection[str], interlocks: Collection[str]) -> Iterator[Fault]:
    folders = {f: getattr(bridge, f) for f in ("setup", "configs", "work")}
    for f in ("setup", "configs"):
        if folders[f] is None and not bridge.sim:
            yield f, "needed, unless the bridge is simulated (sim: true)"
    for f, path in (folders | {f"programs.{n}": p for n, p in bridge.programs.items()}).items():
        if path is not None and not path.startswith("/"):
            yield f, f"expected an absolute path, got {path!r}"
    for n in bridge.programs:
        if n not in ("runCalibration", "CMSITminiDAQ"):
            yield f"programs.{n}", "unknown program: runCalibration or CMSITminiDAQ"
    for f in ("channels", "around"):
        for text in getattr(bridge, f):
            if channel(text)[0] not in devices:
                yield f, f"{text}: the stand has no such device, it has {', '.join(devices)}"
    for lock in bridge.interlocks:
        if lock not in interlocks:
            yield "interlocks", f"the stand has no interlock {lock!r}"
    for f in ("period", "stop_wait", "lease"):
        if not 0 < getattr(bridge, f) < math.inf:
            yield f, f"expected a finite number above 0, got {getattr(bridge, f)}"
    if not bridge.calibrations:
        yield "calibrations", "a bridge has at least one calibration that may be started"
    for name, recipe in bridge.calibrations.items():
        yield from ((f"calibrations.{name}.{f}", why) for f, why in _recipe(recipe, bridge))
    for name, need in bridge.needs.items():
        yield from ((f"needs.{name}.{f}", why) for f, why in _need(need, devices))


def _recipe(recipe: RecipeConfig, bridge: BridgeConfig) -> Iterator[Fault]:
    for need in recipe.needs:
        if need not in bridge.needs:
            yield "needs", f"{need!r} is not among the needs of the bridge: {', '.join(bridge.needs) or 'none'}"
    for f in ("idle", "total"):
        if not 0 < getattr(recipe, f) < math.inf:
            yield f, f"expected a finite number above 0, got {getattr(recipe, f)}"
    for name, argument in recipe.arguments.items():
        if not NAME.fullmatch(name) or name in ("calibration", "config", "modules"):
            yield f"arguments.{name}", "expected a small letter, then a-z 0-9 _ -, and none of the bridge's own"
        if argument.low > argument.high:
            yield f"arguments.{name}.low", f"{argument.low:g} is above high {argument.high:g}"


def _need(need: NeedConfig, devices: Collection[str]) -> Iterator[Fault]:
    if (need.of is None) == (need.each is None):
        yield "of", "expected either of or each"
    elif need.of is not None:
        if need.of.count(".") not in (1, 2):
            yield "of", f"{need.of}: expected DEVICE.QUANTITY or DEVICE.CHANNEL.QUANTITY"
        elif need.of.partition(".")[0] not in devices:
            yield "of", f"{need.of}: the stand has no such device, it has {', '.join(devices)}"
    elif need.each is not None and (need.each.count(".") != 1 or need.each.partition(".")[0] not in KINDS):
        yield "each", f"{need.each}: expected hv.QUANTITY or lv.QUANTITY"
    if all(value is None for value in (need.equals, need.min, need.max, need.steady)):
        yield "equals", "expected equals, min, max or steady"
    if need.min is not None and need.max is not None and need.min > need.max:
        yield "min", f"{need.min:g} is above max {need.max:g}"
    if need.steady is not None and not (need.steady > 0 and 0 < need.over < math.inf):
        yield "steady", "expected a band above 0, and a time `over` above 0 s"
