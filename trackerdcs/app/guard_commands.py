"""What people may tell a guard: reset an interlock, bypass it for a while, pretend a condition for a proof."""

from collections.abc import Callable, Mapping
from typing import cast

from trackerdcs.app.account import present_account
from trackerdcs.domain.desk import Args
from trackerdcs.domain.errors import DeviceError
from trackerdcs.domain.guarding import Interlocked, Pass, Pretence
from trackerdcs.domain.inputs import Doubt, Inputs
from trackerdcs.domain.instrument import Argument, CommandSpec
from trackerdcs.domain.messages import Value
from trackerdcs.ports import Clock

LONGEST = 8 * 3600.0
"""Seconds that a bypass may last: a shift."""
PROOF = 10.0
"""Seconds that a condition is pretended not to hold."""
PRETENCES = ("broken", "unknown")
_NAME = Argument("text")
COMMANDS = {
    "reset": CommandSpec({"interlock": _NAME}),
    "bypass": CommandSpec(
        {"interlock": _NAME, "seconds": Argument("number", "s", 1.0, LONGEST)}, "expert", reason=True
    ),
    "end_bypass": CommandSpec({"interlock": _NAME}),
    "proof": CommandSpec({"interlock": _NAME, "condition": _NAME, "as": _NAME}, "expert", reason=True),
}


class GuardCommands:
    """`outputs`: what each interlock protects; `done(interlock, event, why)` is told what has changed."""

    def __init__(
        self,
        locks: Mapping[str, Interlocked],
        outputs: Mapping[str, list[tuple[str, str]]],
        inputs: Inputs,
        clock: Clock,
        done: Callable[[str, str, str], None],
    ) -> None:
        self._locks, self._outputs, self._inputs, self._clock, self._done = locks, outputs, inputs, clock, done

    def objection(self, cmd: str, ch: str, args: Args) -> str | None:
        """Why a command must not begin, or None."""
        name = str(args["interlock"])
        if name not in self._locks:
            return f"interlock {name!r} is unknown, expected {', '.join(self._locks)}"
        lock = self._locks[name]
        match cmd:
            case "reset":
                return lock.objection_to_reset()
            case "end_bypass":
                return None if lock.bypass else "it is not bypassed"
            case "proof":
                return self._objection_to_proof(name, str(args["condition"]), str(args["as"]))
        return None

    async def execute(self, cmd: str, ch: str, args: Args) -> dict[str, Value]:
        """Carry a command out and return the state of its interlock."""
        name, monotonic, who = str(args["interlock"]), self._clock.monotonic(), present_account()
        if objection := self.objection(cmd, ch, args):  # it may have changed since the command was accepted
            raise DeviceError(objection)
        lock, by_hand = self._locks[name], f"by {who.person}" + (f": {who.reason}" if who.reason else "")
        match cmd:
            case "reset":
                lock.reset()
                self._done(name, "reset", by_hand)
            case "bypass":
                lock.bypass = Pass(who.person, who.reason, monotonic + float(args["seconds"]))
                self._done(name, "bypass", f"for {float(args['seconds']):g} s {by_hand}")
            case "end_bypass":
                lock.bypass = None
                self._done(name, "bypass_end", by_hand)
            case "proof":
                lock.pretend(str(args["condition"]), cast(Pretence, args["as"]), monotonic + PROOF)
                self._done(name, "proof", f"{args['condition']} as if {args['as']} for {PROOF:g} s {by_hand}")
        return {"state": lock.state}

    def _objection_to_proof(self, name: str, condition: str, as_if: str) -> str | None:
        known = self._locks[name].config.conditions
        if condition not in known:
            return f"condition {condition!r} is unknown, expected {', '.join(known)}"
        if as_if not in PRETENCES:
            return f"as: expected {' or '.join(PRETENCES)}, got {as_if!r}"
        for device, ch in self._outputs[name]:
            on = self._inputs.read(f"{device}.{ch}.on", "never", self._clock.monotonic())
            if on is not False:
                why = on.why if isinstance(on, Doubt) else "it is on"
                return f"{device}.{ch} must be off for a proof: {why}"
        return None
