"""What the inside needs from the outside for derived quantities: the part of `ports` that keeps what was counted."""

from collections.abc import Mapping
from typing import Protocol

from trackerdcs.domain.at_bias import Count, Key


class Counts(Protocol):
    """How long each module was at bias, across restarts. All methods raise StoreFault."""

    @property
    def replaced(self) -> str | None:
        """Why what was counted before is gone, or None."""

    def recall(self) -> dict[Key, Count]: ...
    def record(self, counts: Mapping[Key, Count]) -> None:
        """Return when they are durable, all or none."""

    def close(self) -> None: ...
