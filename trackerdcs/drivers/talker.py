"""Boards that talk unasked: lines with measured quantities, nothing to command.

Each poll waits for the next line, so that a value is never older than a poll; a board that says nothing is a dead link.
"""

from collections.abc import Collection, Mapping
from typing import ClassVar

from trackerdcs.domain.errors import BadReply, WrongDevice
from trackerdcs.domain.instrument import UNITS, Channel, Identity, Quantity, Snapshot
from trackerdcs.domain.messages import NO_CHANNEL
from trackerdcs.drivers.numbers import number
from trackerdcs.ports import Link

PATIENCE = 5
"""So many lines without sense are another instrument; the first may be the tail of one."""


class TalkingBoard:
    """Listens to a board; a driver says what its lines mean by `introduced` and `said`."""

    kind = "env"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"t_air": (-60.0, 120.0), "rh": (0.0, 100.0)}
    """The quantities, and between which values they make sense."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def channels(self) -> dict[str, Channel]:
        """One channel, nothing to command."""
        return {NO_CHANNEL: Channel({q: Quantity(UNITS[q], *limits) for q, limits in self.ranges.items()})}

    def identify(self) -> Identity:
        """Listen until the board says who it is; raises WrongDevice if what it says makes no sense."""
        heard: list[str] = []
        while len(heard) < PATIENCE:
            for line in self.link.lines():
                heard.append(line)
                if identity := self.introduced(line):
                    return identity
        raise WrongDevice(f"expected lines of {type(self).__name__}, the board says {heard[-1][:80]!r}")

    def poll(self, channels: Collection[str] | None = None) -> Snapshot:
        """The newest of what the board has said since the last poll; raises LinkError when it is silent."""
        good: dict[str, float | bool | str] = {}
        bad = dict.fromkeys(self.ranges, "no new value")
        for line in self.link.lines():
            texts, why = self.said(line)
            for quantity in texts.keys() | (self.ranges.keys() if why else ()):
                good.pop(quantity, None)
                try:
                    if quantity not in texts:
                        raise BadReply(why)
                    good[quantity] = number(texts[quantity], "", *self.ranges[quantity])
                except BadReply as e:
                    bad[quantity] = str(e)
        bad = {q: reason for q, reason in bad.items() if q not in good}
        return Snapshot({NO_CHANNEL: good}, {NO_CHANNEL: bad} if bad else {})

    def introduced(self, line: str) -> Identity | None:
        """Who a line says the board is, or None."""
        raise NotImplementedError

    def said(self, line: str) -> tuple[dict[str, str], str]:
        """The quantities of a line as texts, and why the others are missing; empty if they were not to be expected."""
        raise NotImplementedError
