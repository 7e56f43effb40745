"""What people may tell the alarm service: acknowledge an alarm, put it aside for a while, take it back."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from trackerdcs.app.account import Account, present_account
from trackerdcs.domain.alarm import LONGEST, Alarmed, Shelf
from trackerdcs.domain.desk import Args
from trackerdcs.domain.errors import DeviceError
from trackerdcs.domain.instrument import Argument, CommandSpec
from trackerdcs.domain.messages import Value
from trackerdcs.ports import Clock

COMMENT = 200
"""Characters of the longest comment."""
EXACT = 1e3
"""ns: a number of JSON may be a double, which tells times of our days to a quarter of a microsecond."""
_ALARM = Argument("text")
_COMMENT = Argument("text", high=COMMENT, optional=True)
COMMANDS = {
    "ack": CommandSpec({"alarm": _ALARM, "comment": _COMMENT, "raised": Argument("number", "ns", optional=True)}),
    "shelve": CommandSpec(
        {"alarm": _ALARM, "minutes": Argument("number", "min", 1.0, LONGEST / 60), "comment": _COMMENT}
    ),
    "unshelve": CommandSpec({"alarm": _ALARM}),
}


Done = Callable[[str, str, str, str], Coroutine[Any, Any, None]]


class AlarmCommands:
    """`done(alarm, event, by, comment)` is told what a person has done, and returns when that is on disk."""

    def __init__(self, alarms: Mapping[str, Alarmed], clock: Clock, done: Done) -> None:
        self._alarms, self._clock, self._done = alarms, clock, done

    def objection(self, cmd: str, ch: str, args: Args) -> str | None:
        """Why a command must not begin, or None."""
        name = str(args["alarm"])
        if name not in self._alarms:
            return f"there is no alarm {name!r}"
        alarmed = self._alarms[name]
        match cmd:
            case "ack":
                return alarmed.objection_to_ack() or _unseen(alarmed, args)
            case "shelve":
                return None if _comment(args, present_account()) else "to shelve an alarm needs a comment or a reason"
            case "unshelve":
                return None if alarmed.shelf else "it is not shelved"
        return None

    async def execute(self, cmd: str, ch: str, args: Args) -> dict[str, Value]:
        """Carry a command out and return the state of its alarm."""
        if objection := self.objection(cmd, ch, args):  # it may have changed since the command was accepted
            raise DeviceError(objection)
        name, who = str(args["alarm"]), present_account()
        alarmed, comment, now = self._alarms[name], _comment(args, who), self._clock.now()
        match cmd:
            case "ack":
                event = "alarm_acknowledged"
                alarmed.acknowledge(who.person, comment or None, now)
            case "shelve":
                until = self._clock.monotonic() + 60 * float(args["minutes"])
                event = "alarm_shelved"
                alarmed.shelve(Shelf(until, who.person, comment), now)
            case _:
                event = "alarm_unshelved"
                alarmed.unshelve(now)
        await self._done(name, event, who.person, comment)
        return {"state": alarmed.state}


def _unseen(alarmed: Alarmed, args: Args) -> str | None:
    """Who says what he has seen acknowledges nothing that has come since."""
    seen = args.get("raised")
    if seen is None or (alarmed.raised is not None and abs(float(seen) - alarmed.raised) <= EXACT):
        return None
    return "it was raised again since then" if alarmed.raised is not None else "it was not raised then"


def _comment(args: Args, account: Account) -> str:
    return (str(args.get("comment", "")).strip() or account.reason.strip())[:COMMENT]
