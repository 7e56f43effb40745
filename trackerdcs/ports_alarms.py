"""What the alarm service needs from the outside beside what all services need."""

from collections.abc import Mapping
from typing import Protocol

from trackerdcs.domain.alarm import Kept


class AlarmStore(Protocol):
    """What is known of each alarm, by name, over restarts. All methods raise StoreFault."""

    def recall(self) -> dict[str, Kept]:
        """All that was kept; StoreFault also where a damaged file was put aside: nothing known is not the same as
        nothing raised."""

    def keep(self, changed: Mapping[str, Kept | None]) -> None:
        """Return when all of it is durable; None forgets an alarm."""

    def close(self) -> None: ...
