"""Which frames were stored lately: bounded, so a forgotten frame counts as new, which is harmless."""

from collections import OrderedDict

from trackerdcs.domain.ranges import Ranges

BOOTS = 1000
PIECES = 1000


class Recent:
    """Sequence ranges of the boots heard last."""

    def __init__(self, boots: int = BOOTS, pieces: int = PIECES) -> None:
        self._boots, self._pieces = boots, pieces
        self._known: OrderedDict[tuple[str, str, str], Ranges] = OrderedDict()

    def add(self, stand: str, device: str, boot: str, first: int, last: int) -> int:
        """Note that these frames are stored; how many of them were not known to be."""
        key = stand, device, boot
        known = self._known.get(key)
        if known is None or sum(1 for _ in known) >= self._pieces:
            known = self._known[key] = Ranges()
        new = sum(high - low + 1 for low, high in known.holes(first, last))
        known.add(first, last)
        self._known.move_to_end(key)
        if len(self._known) > self._boots:
            self._known.popitem(last=False)
        return new
