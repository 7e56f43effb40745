"""What the gap records of a computer's loaders say together: what one of them has stored is stored."""

from pathlib import Path

from trackerdcs.adapters.gaps_sqlite import read_gaps, stands_in
from trackerdcs.domain.errors import TrackerError
from trackerdcs.domain.gaps import Account, accounts

SUFFIX = ".gaps.sqlite"


def records(data: Path) -> list[Path]:
    """The gap records in a folder."""
    return sorted(data.glob(f"*{SUFFIX}"))


def accounts_of(data: Path, stand: str, device: str | None, since: int, now: int) -> list[Account]:
    """The boots of a stand's devices that were heard since then (ns UTC); TrackerError where nobody knows them."""
    paths = records(data)
    if not paths:
        raise TrackerError(f"no gap record in {data}: a loader keeps it on its own host")
    found = [read_gaps(path, stand, device) for path in paths]
    if not any(record.pieces for record in found):
        known = sorted({each for path in paths for each in stands_in(path)})
        if stand not in known:
            raise TrackerError(
                f"no loader has heard of a stand {stand}; stands in {data}: {', '.join(known) or 'none'}"
            )
    pieces = [piece for record in found for piece in record.pieces]
    begun = min(record.begun for record in found)
    return [account for account in accounts(pieces, begun, now) if account.heard >= since]
