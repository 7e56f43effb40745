"""What a person does with the dead letters of a loader, which may run meanwhile."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.deadletters_sqlite import Letter, SqliteDeadLetters
from trackerdcs.adapters.gaps_sqlite import SqliteGaps
from trackerdcs.app.store_writer import Causes, StoreWriter
from trackerdcs.domain.batch import AT_THE_DOOR, Arrival
from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.gaps import Piece
from trackerdcs.domain.intake import CAUSE_MAX, Intake, pieces_of, take_in
from trackerdcs.domain.reception import Foreign, Reception
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import ROOT
from trackerdcs.services.gap_records import SUFFIX as GAPS
from trackerdcs.services.stores import open_series

SUFFIX = ".deadletters.sqlite"
BATCH = 200
NO_MAPPING = "a foreign topic, not tried: give the mapping file that reads it (--mapping)"


async def retry(
    stand: Stand, loader: str, letters: Sequence[Letter], foreign: Foreign | None = None
) -> list[tuple[Letter, str]]:
    """Take letters in once more, as a loader would; return those that stay, with the cause of today.

    The store first, then the gap record, then the letter goes: whatever ends in between, doing it again is harmless.
    Without a mapping, letters of foreign topics are not tried and keep their cause.
    Raises StoreDown if the store is; then the rest stays as it was.
    """
    others = [] if foreign is not None else [letter for letter in letters if not _is_ours(letter)]
    letters = [letter for letter in letters if foreign is not None or _is_ours(letter)]
    data, stay = Path(stand.data), [(letter, NO_MAPPING) for letter in others]
    series = open_series(stand.store, data)
    try:
        writer = StoreWriter(series)
        for start in range(0, len(letters), BATCH):
            tried = letters[start : start + BATCH]
            intakes = _taken(foreign, tried)
            causes = await _write(writer, intakes)
            now = SystemClock().now()
            good = [letter for place, letter in enumerate(tried) if place not in causes]
            bad = [(tried[place], why) for place, why in causes.items()]
            stored = [intake for place, intake in enumerate(intakes) if place not in causes]
            _note(data, loader, pieces_of(stored, "stored", now))
            with contextlib.closing(SqliteDeadLetters(data / f"{loader}{SUFFIX}", guest=True)) as box:
                box.remove(good)
                box.blame(bad)
            stay += bad
    finally:
        await series.close()
    return stay


def drop(stand: Stand, loader: str, letters: Sequence[Letter]) -> None:
    """Remove letters for ever. The gap record says so first: it must not tell of letters that are gone."""
    data, now = Path(stand.data), SystemClock().now()
    _note(data, loader, list(_dropped(letters, now)))
    with contextlib.closing(SqliteDeadLetters(data / f"{loader}{SUFFIX}", guest=True)) as box:
        box.remove(letters)


def _is_ours(letter: Letter) -> bool:
    """A message of the contract; what a damaged spool has left has no topic, and no mapping reads it either."""
    return not letter.topic or letter.topic.startswith(f"{ROOT}/")


def _taken(foreign: Foreign | None, letters: Sequence[Letter]) -> list[Intake]:
    """What is only the beginning of a message stays, whatever it looks like."""
    reception = Reception(foreign=foreign.reader if foreign else None)
    return [
        Intake(None, why=letter.why)
        if letter.why.startswith(AT_THE_DOOR)
        else reception.one(Arrival(letter.topic, letter.payload), letter.ts)
        for letter in letters
    ]


async def _write(writer: StoreWriter, intakes: Sequence[Intake]) -> Causes:
    causes = {place: intake.why for place, intake in enumerate(intakes) if intake.why is not None}
    each = {place: intake.points for place, intake in enumerate(intakes) if intake.points and place not in causes}
    try:
        return causes | await writer.write([point for points in each.values() for point in points], lambda: each)
    except StoreDown:
        raise
    except Exception as e:  # noqa: BLE001 where a loader would wait, the letters stay
        return causes | dict.fromkeys(each, f"{type(e).__name__}: {e}")


def _dropped(letters: Sequence[Letter], now: int) -> Iterator[Piece]:
    for letter in letters:
        if id := take_in(letter.topic, letter.payload).id:
            cause = f"dropped from the dead letters: {letter.why}"[:CAUSE_MAX]
            yield Piece(*id[:3], "dropped", id.seq, id.seq, since=now, until=now, cause=cause)


def _note(data: Path, loader: str, pieces: list[Piece]) -> None:
    path = data / f"{loader}{GAPS}"
    if pieces and path.exists():
        with contextlib.closing(SqliteGaps(path, guest=True)) as gaps:
            gaps.add(pieces)
