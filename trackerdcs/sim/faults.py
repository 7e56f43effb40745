"""The faults that a simulated instrument can be given: their names, arguments, and how often they still happen."""

import asyncio
from dataclasses import dataclass, field

Value = float | int | str | bool


@dataclass(frozen=True)
class FaultSpec:
    """What a fault does, arguments with defaults. `counted`: it happens to so many replies, else until cleared."""

    text: str
    args: dict[str, Value] = field(default_factory=dict)
    counted: bool = False
    at_once: bool = False


FAULTS: dict[str, FaultSpec] = {
    "late": FaultSpec("the reply comes `delay` s late", {"delay": 0.5}, counted=True),
    "drop": FaultSpec("no reply; the order was executed", counted=True),
    "partial": FaultSpec("only the first `keep` bytes of the reply", {"keep": 3}, counted=True),
    "late_tail": FaultSpec(
        "the reply after its first `keep` bytes comes `delay` s late", {"keep": 3, "delay": 0.5}, counted=True
    ),
    "garbage": FaultSpec("bytes that are no text instead of the reply", counted=True),
    "double": FaultSpec("the reply comes twice", counted=True),
    "close": FaultSpec("the connection is closed (FIN; a pty is unplugged) instead of the reply", counted=True),
    "reset": FaultSpec("the connection is reset (RST; a pty is unplugged) instead of the reply", counted=True),
    "hang": FaultSpec("nothing is read or said; what arrived meanwhile is executed at the end"),
    "refuse": FaultSpec("no connection is accepted, open ones are reset; the pty is gone"),
    "stuck": FaultSpec("measured values stay what they are"),
    "offset": FaultSpec(
        "the measured `quantity` of `channel` is wrong by `by`", {"quantity": "rh", "channel": "-", "by": 10.0}
    ),
    "ignore_set": FaultSpec("orders are taken and not executed"),
    "sensor": FaultSpec("the sensor does not answer its board"),
    "interlock": FaultSpec("the hardware interlock line is open"),
    "trip": FaultSpec("the instrument's own protection switches `channel` off", {"channel": "ch0"}, at_once=True),
    "front_panel": FaultSpec(
        "somebody sets v_set, i_limit or on of `channel` at the instrument", {"channel": "ch0"}, at_once=True
    ),
    "brown_out": FaultSpec(
        "power fails for a moment: outputs off, settings as after switching on, connections reset", at_once=True
    ),
}
PANEL = ("v_set", "i_limit", "on")


def checked(name: str, times: int | None, args: dict[str, Value]) -> dict[str, Value]:
    """The arguments of a fault with its defaults; ValueError for what it does not know."""
    if name not in FAULTS:
        raise ValueError(f"no fault {name!r}, known are {', '.join(FAULTS)}")
    spec = FAULTS[name]
    known = (*spec.args, *PANEL) if name == "front_panel" else tuple(spec.args)
    for key, value in args.items():
        if key not in known:
            raise ValueError(f"fault {name} has no argument {key!r}, it has {', '.join(known) or 'none'}")
        default = spec.args.get(key, 0.0)
        if isinstance(default, str) != isinstance(value, str) or (isinstance(value, bool) and key != "on"):
            raise ValueError(f"fault {name}: {key} cannot be {value!r}")
        if key in ("delay", "keep") and not (isinstance(value, int | float) and value >= 0):
            raise ValueError(f"fault {name}: {key} is not negative, got {value!r}")
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ValueError(f"times: expected a whole number above 0, or null for until cleared, got {times!r}")
    return spec.args | args


@dataclass
class Armed:
    """A fault in force; `left` None is until cleared."""

    args: dict[str, Value]
    left: int | None


class Faults:
    """The faults of one instrument that act on its connections."""

    def __init__(self) -> None:
        self._armed: dict[str, Armed] = {}
        self._awake = asyncio.Event()
        self._awake.set()

    def arm(self, name: str, times: int | None, args: dict[str, Value]) -> None:
        self._armed[name] = Armed(args, times)
        if name == "hang":
            self._awake.clear()

    def clear(self, name: str) -> None:
        self._armed.pop(name, None)
        if name == "hang":
            self._awake.set()

    def active(self) -> dict[str, Armed]:
        return dict(self._armed)

    def take(self, name: str) -> dict[str, Value] | None:
        """The arguments of a fault if it is in force; counts it."""
        if (armed := self._armed.get(name)) is None:
            return None
        if armed.left is not None:
            armed.left -= 1
            if armed.left == 0:
                del self._armed[name]
        return armed.args

    @property
    def hangs(self) -> bool:
        return not self._awake.is_set()

    async def awake(self) -> None:
        """Wait until the instrument does not hang."""
        await self._awake.wait()
