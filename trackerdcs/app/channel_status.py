"""What is known of one power channel: its state, why it is tripped, where it shall go, and whose hand moves it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from trackerdcs.domain.channel import Happening, State, after
from trackerdcs.domain.messages import Value

Reading = dict[str, Value]


class ChannelStatus:
    """Shared by those who move a channel, bring it down and judge what is read of it."""

    def __init__(self) -> None:
        self.state: State = "unknown"
        self.cause: str | None = None
        """Why the channel is tripped; latched until a person clears it."""
        self.target: float | None = None
        """V; where `on` shall go."""
        self.busy = 0
        """Orders of ours under way: meanwhile polls judge nothing."""
        self.agreed: tuple[Value | None, Value | None] | None = None
        """Switch and setpoint as last read or left by a command; None if the next reading is ours whatever it says."""

        self.moving: asyncio.Task[object] | None = None
        """The command that moves the voltage."""

    def end_move(self, why: str) -> None:
        """End the command that moves the voltage; one that has found the reason itself ends by itself."""
        if self.moving is not None and self.moving is not asyncio.current_task():
            self.moving.cancel(why)

    def happens(self, what: Happening) -> None:
        """Go on to the next state; raises Rejected for what must not happen in this one."""
        self.state = after(self.state, what)

    def agree(self, now: Reading) -> Reading:
        """What a command has led to is no change by somebody else."""
        self.agreed = (now.get("on"), now.get("v_set"))
        return now

    @contextmanager
    def ours(self) -> Iterator[None]:
        """While orders of ours are under way; one may be on its way at a bad end, so the next reading is ours too."""
        self.busy += 1
        try:
            yield
        except BaseException:
            self.agreed = None
            raise
        finally:
            self.busy -= 1
