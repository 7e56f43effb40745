"""What conditions may do to the channels of a device, whatever kind of supply it is."""

from typing import Protocol

from trackerdcs.app.killer import Killer
from trackerdcs.app.power import Power
from trackerdcs.domain.channel import Intents


class Outputs(Protocol):
    """`refusal` and `before` keep the order of a module's voltages when somebody commands."""

    def is_up(self, ch: str) -> bool:
        """True unless the output is known to be off, and its voltage low."""

    def bring_down(self, ch: str, cause: str) -> None:
        """Latch the cause and go off; nothing new while that is under way."""

    def stay(self, ch: str, cause: str) -> None:
        """Go up no further."""

    def kill(self, ch: str, cause: str) -> None:
        """As bring_down, as fast as may be."""

    def refusal(self, cmd: str, ch: str) -> str | None:
        """Why a command would break the order, or None."""

    async def before(self, cmd: str, ch: str) -> None:
        """What must be before a command is carried out."""

    def resume(self, intents: Intents) -> None:
        """Complete what an earlier start has begun, first of all."""


class HighVoltage:
    """High voltage goes down first: it waits for nothing."""

    def __init__(self, power: Power, killer: Killer) -> None:
        self._power, self._killer = power, killer

    def is_up(self, ch: str) -> bool:
        return self._power.is_up(ch)

    def bring_down(self, ch: str, cause: str) -> None:
        self._power.bring_down(ch, cause)

    def stay(self, ch: str, cause: str) -> None:
        self._power.stay(ch, cause)

    def kill(self, ch: str, cause: str) -> None:
        self._killer.kill(cause)

    def refusal(self, cmd: str, ch: str) -> str | None:
        return None

    async def before(self, cmd: str, ch: str) -> None:
        return

    def resume(self, intents: Intents) -> None:
        self._power.resume(intents)
        if killed := [cause for intent, cause in intents.values() if intent == "kill"]:
            self._killer.kill(f"the last run: {killed[0]}")
