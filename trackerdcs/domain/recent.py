"""Which frames were stored lately: bounded, so a forgotten frame counts as new, which is harmless."""

from collections import OrderedDict

from trackerdcs.domain.intake import FrameId
from trackerdcs.domain.ranges import Ranges

BOOTS = 1000
PIECES = 1000


class Recent:
    """Sequence ranges of the boots heard last."""

    def __init__(self, boots: int = BOOTS, pieces: int = PIECES) -> None:
        self._boots, self._pieces = boots, pieces
        self._known: OrderedDict[tuple[str, str, str], Ranges] = OrderedDict()

    def add(self, id: FrameId) -> bool:
        """Note a stored frame; False if it was known already."""
        key = id[:3]
        known = self._known.get(key)
        if known is not None and id.seq in known:
            self._known.move_to_end(key)
            return False
        if known is None or sum(1 for _ in known) >= self._pieces:
            known = self._known[key] = Ranges()
        known.add(id.seq, id.seq)
        self._known.move_to_end(key)
        if len(self._known) > self._boots:
            self._known.popitem(last=False)
        return True
