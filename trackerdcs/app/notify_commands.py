"""What people may tell the notifications: who is on shift, and to send a test."""

from collections.abc import Awaitable, Callable, Sequence

from trackerdcs.domain.desk import Args
from trackerdcs.domain.errors import DeviceError
from trackerdcs.domain.instrument import Argument, CommandSpec
from trackerdcs.domain.messages import Value
from trackerdcs.domain.notify import NotifyConfig

LONGEST = 1000.0
"""Characters of the longest list of people."""
NOBODY = "nobody"
COMMANDS = {
    "test": CommandSpec({"person": Argument("text")}),
    "shift": CommandSpec({"people": Argument("text", high=LONGEST)}),
}


class NotifyCommands:
    """`test(person)` returns why it failed; `change(people)` puts them on shift."""

    def __init__(
        self,
        config: NotifyConfig,
        test: Callable[[str], Awaitable[str | None]],
        change: Callable[[Sequence[str]], Awaitable[None]],
    ) -> None:
        self._people, self._test, self._change = config.people, test, change

    def objection(self, cmd: str, ch: str, args: Args) -> str | None:
        """Why a command must not begin, or None."""
        named = [str(args["person"])] if cmd == "test" else named_in(str(args["people"]))
        unknown = [name for name in named if name not in self._people]
        known = f"expected {', '.join(self._people)}" + (f", or {NOBODY}" if cmd == "shift" else "")
        if unknown or (cmd == "shift" and not str(args["people"]).strip()):
            return f"person {', '.join(unknown)!r} is unknown, {known}"
        return None

    async def execute(self, cmd: str, ch: str, args: Args) -> dict[str, Value]:
        """Carry a command out."""
        if cmd == "test":
            if (why := await self._test(str(args["person"]))) is not None:
                raise DeviceError(why)
            return {"person": str(args["person"])}
        people = named_in(str(args["people"]))
        await self._change(people)
        return {"people": ", ".join(people) or NOBODY}


def named_in(text: str) -> list[str]:
    """The people of a list with commas or spaces; none for `nobody`."""
    names = list(dict.fromkeys(text.replace(",", " ").split()))
    return [] if names == [NOBODY] else names
