"""An instrument that talks unasked: a board that is started anew when its port is opened."""

from trackerdcs.sim.instrument import Instrument


class Talker(Instrument):
    """Says `start()` after `silence` s, then `talk()` every `period` s (simulated seconds)."""

    silence = 2.0
    period = 1.0

    def start(self) -> str:
        """What the board says first, with its line ends; the board begins anew."""
        raise NotImplementedError

    def talk(self) -> str:
        """The next piece of text, with its line ends."""
        raise NotImplementedError

    def answer(self, line: str) -> str | None:
        return None
