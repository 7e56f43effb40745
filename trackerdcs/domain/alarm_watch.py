"""What an alarm service has heard of its stand, and what follows for the thing that a rule watches."""

from dataclasses import dataclass, field

from trackerdcs.domain.alarm import Alarmed, Verdict
from trackerdcs.domain.alarm_config import AlarmRule
from trackerdcs.domain.alarm_tree import Tree, Watched
from trackerdcs.domain.freshness import GUARD_PERIOD, PERIODS, SILENCE
from trackerdcs.domain.inputs import Doubt, Inputs
from trackerdcs.domain.instrument import UNITS
from trackerdcs.domain.messages import Interlock, Status, Value
from trackerdcs.domain.topics import LOADER

NOBODY = "the broker is not reached"


@dataclass
class Heard:
    """Live messages of the devices, with the time on the monotonic clock (s) when they came.

    `connected`: since when the broker is reached, or None: silence counts only while somebody could be heard.
    """

    tree: Tree
    silence: float = SILENCE
    guard_period: float = GUARD_PERIOD
    connected: float | None = None
    events: dict[str, str] = field(default_factory=dict)
    """By alarm: the event that it is about."""
    _statuses: dict[str, tuple[Status, float]] = field(default_factory=dict)
    _loaders: dict[str, tuple[Status, float]] = field(default_factory=dict)
    _interlocks: dict[str, tuple[Interlock, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.devices = self.tree.all_devices
        self.inputs = Inputs({name: device.period for name, device in self.devices.items()})

    def hear_status(self, device: str, status: Status, monotonic: float, retained: bool, loader: bool = False) -> None:
        """Of what the broker has kept only the end of a device counts: it would have said that it is there again."""
        if retained and status.state != "offline":
            return
        (self._loaders if loader else self._statuses)[device] = status, monotonic

    def hear_interlock(self, name: str, interlock: Interlock, monotonic: float) -> None:
        self._interlocks[name] = interlock, monotonic

    def judge(self, watched: Watched, alarmed: Alarmed, monotonic: float) -> Verdict:
        """What is found of the thing that an alarm watches."""
        rule = watched.rule
        if rule.event is not None:
            return self._event(watched, alarmed, monotonic)
        if self.connected is None:
            return Verdict(None, NOBODY)
        if rule.status is not None:
            return self._status(watched.device, rule.status, monotonic)
        if rule.interlock is not None:
            return self._interlock(watched.item, rule.interlock, monotonic)
        if rule.stale:
            return self._stale(watched.device, monotonic)
        value = self.inputs.read(watched.of, "never", monotonic)
        return (
            Verdict(None, value.why) if isinstance(value, Doubt) else compare(watched.of, rule, value, alarmed.broken)
        )

    def suppressed(self, watched: Watched, active: set[str], monotonic: float) -> str | None:
        """Why it is not to alarm, or None; what is not known suppresses nothing."""
        if (other := next((name for name in watched.hushed_by if name in active), None)) is not None:
            return f"alarm {other} is active"
        if watched.hush is None or watched.rule.suppress is None or self.connected is None:
            return None
        value = self.inputs.read(watched.hush, "never", monotonic)
        if isinstance(value, Doubt) or not _same(value, watched.rule.suppress.equals):
            return None
        return f"{watched.hush} is {said(value)}"

    def _since(self, heard: float) -> float:
        return max(heard, self.connected or heard)

    def _status(self, device: str, wanted: str, monotonic: float) -> Verdict:
        entry = self._statuses.get(device) if device != LOADER else self._loader(wanted, monotonic)
        silent = monotonic - self._since(entry[1] if entry else 0.0) > self.silence
        if entry is None:
            lost = wanted == "silent" and silent
            return Verdict(lost or None, f"{device} has not been heard yet")
        status, _ = entry
        if status.state == "offline":
            why = f"{device} is offline" + (f": {status.error}" if status.error else "")
            return Verdict(None if wanted == "fault" else True, why, "offline")
        if silent:
            return Verdict(wanted == "silent" or None, f"{device} has said nothing for {monotonic - entry[1]:.0f} s")
        if wanted == "fault" and status.state == "fault":
            return Verdict(True, f"{device}: {status.error or 'fault'}", "fault")
        return Verdict(False, None, status.state)

    def _loader(self, wanted: str, monotonic: float) -> tuple[Status, float] | None:
        """Any loader will do: of several, the one that was heard last and is there. It hides no fault of another."""
        there = [entry for entry in self._loaders.values() if entry[0].state != "offline"]
        if wanted == "fault":
            heard = (e for e in there if monotonic - self._since(e[1]) <= self.silence)
            there = [entry for entry in heard if entry[0].state == "fault"] or there
        return max(there or self._loaders.values(), key=lambda entry: entry[1], default=None)

    def _interlock(self, name: str, wanted: str, monotonic: float) -> Verdict:
        entry = self._interlocks.get(name)
        if monotonic - self._since(entry[1] if entry else 0.0) > PERIODS * self.guard_period:
            return Verdict(wanted == "unknown" or None, f"{name}: the guard is not heard", "unknown")
        if entry is None:
            return Verdict(None, f"{name} has not been heard yet")
        said_, _ = entry
        why = f"{name}: " + ": ".join(filter(None, (said_.first, said_.why)))
        if wanted == "bypassed":
            by = said_.bypass
            return Verdict(True, f"{name}: bypassed by {by.by}: {by.reason}") if by else Verdict(False)
        return Verdict(said_.state == wanted, why, said_.state)

    def _stale(self, device: str, monotonic: float) -> Verdict:
        why = self.inputs.silence(device, monotonic)
        if why is not None and monotonic - (self.connected or 0.0) <= PERIODS * self.devices[device].period:
            return Verdict(None, why)
        return Verdict(why is not None, why)

    def _event(self, watched: Watched, alarmed: Alarmed, monotonic: float) -> Verdict:
        """It is there until somebody acknowledges it."""
        if alarmed.acked:
            self.events.pop(watched.name, None)
            return Verdict(False)
        if (why := self.events.get(watched.name)) is not None:
            return Verdict(True, why, watched.rule.event)
        if self.connected is None:
            return Verdict(None, NOBODY)
        there = self._status(watched.device, "silent", monotonic)
        return Verdict(False) if there.active is False else Verdict(None, there.why)


def compare(of: str, rule: AlarmRule, value: Value, broken: bool) -> Verdict:
    """A value against the limits of a rule; `broken`: it was beyond one before, so hysteresis counts."""
    if rule.equals is not None:
        return Verdict(_same(value, rule.equals), f"{of} is {said(value)}", value)
    if isinstance(value, bool | str):
        return Verdict(None, f"{of} is {said(value)}: expected a number")
    back = rule.hysteresis if broken else 0.0
    unit = UNITS.get(of.rpartition(".")[2], "")
    unit = "" if unit in ("", "1") else f" {unit}"
    for bound, sign, beyond in ((rule.above, 1, "above"), (rule.below, -1, "below")):
        if bound is not None and sign * (value - bound) > -back:
            is_ = "is" if sign * (value - bound) > 0 else "was"
            again = f", normal again at {bound - sign * back:g}{unit}" if back else ""
            return Verdict(True, f"{of} {value:g}{unit} {is_} {beyond} {bound:g}{unit}{again}", value)
    return Verdict(False, None, value)


def said(value: Value) -> str:
    """A value as a person would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:g}"


def _same(value: Value, wanted: object) -> bool:
    return type(value) is type(wanted) and value == wanted
