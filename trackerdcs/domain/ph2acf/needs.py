"""Does a calibration have what it needs? Judged from what the stand says now; what is not known is not met."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from trackerdcs.domain.inputs import Doubt
from trackerdcs.domain.messages import Interlock, Value
from trackerdcs.domain.ph2acf.setup import BridgeConfig, NeedConfig, RecipeConfig, Violated
from trackerdcs.domain.run import Check

Read = Callable[[str], "Value | Doubt"]
Channels = Iterable[tuple[str, str]]


UNKNOWN = 30.0
"""Seconds for which something may not be known during a run: a broker that is restarted ends no calibration."""


@dataclass
class Seen:
    """The lately seen numbers of quantities, for what has to be steady; times in s, monotonic."""

    over: Mapping[str, float]
    _seen: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)

    def note(self, of: str, value: "Value | Doubt", now: float) -> None:
        """To be called at each news of a quantity; a doubtful value begins anew."""
        if of not in self.over:
            return
        kept = self._seen.setdefault(of, deque())
        if isinstance(value, Doubt | str | bool):
            kept.clear()
            return
        kept.append((now, value))
        while len(kept) > 1 and kept[1][0] <= now - self.over[of]:
            kept.popleft()  # the last one before the window stays: it says what was at its begin

    def spread(self, of: str, over: float, now: float) -> float | None:
        """The largest minus the smallest in the last `over` s; None while that is not known."""
        kept = self._seen.get(of)
        if not kept or kept[0][0] > now - over:
            return None
        first = max((at for at, _ in kept if at <= now - over), default=kept[0][0])
        values = [value for at, value in kept if at >= first]
        return max(values) - min(values)


def quantities_of(need: NeedConfig, channels: Channels, kinds: Mapping[str, str]) -> list[str]:
    """The quantities that a need is about, for a run of these channels; `kinds` of the devices."""
    if need.of is not None:
        return [need.of]
    kind, _, quantity = (need.each or "").partition(".")
    return [f"{device}.{ch}.{quantity}" for device, ch in channels if kinds.get(device) == kind]


def judged(need: NeedConfig, of: str, read: Read, seen: Seen, now: float) -> tuple[bool | None, str]:
    """Whether a need holds of a quantity (None: unknown), and why not."""
    value = read(of)
    if isinstance(value, Doubt):
        return None, value.why
    if need.equals is not None:
        return (True, "") if value == need.equals else (False, f"{of} is {_said(value)}, not {_said(need.equals)}")
    if isinstance(value, str | bool) or not math.isfinite(value):
        return None, f"{of} is no number"
    size = abs(value) if need.absolute else value
    shown = f"|{of}| is {size:g}" if need.absolute else f"{of} is {size:g}"
    if need.min is not None and size < need.min:
        return False, f"{shown}, below {need.min:g}"
    if need.max is not None and size > need.max:
        return False, f"{shown}, above {need.max:g}"
    if need.steady is not None:
        spread = seen.spread(of, need.over, now)
        if spread is None:
            return None, f"{of} has not been watched for {need.over:g} s yet"
        if spread > need.steady:
            return False, f"{of} has moved by {spread:.3g} in {need.over:g} s, more than {need.steady:g}"
    return True, ""


@dataclass(frozen=True)
class Finding:
    """A check, and what happens when it no longer holds during a run: at once, or where it is only not known, after
    `patience` s."""

    check: Check
    violated: Violated
    patience: float = UNKNOWN


def findings(
    bridge: BridgeConfig,
    recipe: RecipeConfig,
    channels: list[tuple[str, str]],
    kinds: Mapping[str, str],
    read: Read,
    seen: Seen,
    interlocks: Callable[[str], Interlock | None],
    now: float,
) -> Iterator[Finding]:
    """Every need of a calibration, quantity by quantity, and the interlocks of the bridge."""
    for name in recipe.needs:
        need = bridge.needs[name]
        about = quantities_of(need, channels, kinds)
        if not about:
            yield Finding(Check(name, None, f"the run has no channel of kind {(need.each or '')[:2]}"), need.violated)
        for of in about:
            ok, why = judged(need, of, read, seen, now)
            patience = UNKNOWN + (need.over if need.steady is not None else 0.0)
            yield Finding(Check(name if need.of else f"{name} {of}", ok, why), need.violated, patience)
    for name in bridge.interlocks:
        heard = interlocks(name)
        label = f"interlock {name}"
        if heard is None:
            yield Finding(Check(label, None, "the guard is not heard"), bridge.interlock_open)
        else:
            ok = heard.state == "ok" or heard.bypass is not None
            why = "" if ok else f"it is {heard.state}: {heard.first or heard.why or 'no cause given'}"
            yield Finding(Check(label, ok, why), bridge.interlock_open)


def _said(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:g}"
