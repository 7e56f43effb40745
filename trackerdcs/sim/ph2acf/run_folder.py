"""Folders and run numbers: where a run is put, and the marker that says it is simulated."""

import os
from pathlib import Path

MARKER = "SIMULATED"
_TEXT = "Made by the simulated Ph2_ACF of trackerdcs: no hardware was read.\n"


class RealResults(Exception):
    """The working folder holds results that are not simulated; nothing is written beside them."""


def mark(folder: Path) -> Path:
    """Make the folder if need be, and say in it that what it holds is simulated."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(_TEXT, encoding="ascii")
    return folder


def claim_working_folder(here: Path) -> None:
    """Mark it as simulated; RealResults where there are runs without the marker, also in GIPHT_RESULT_FOLDER."""
    given = here / (os.environ.get("GIPHT_RESULT_FOLDER") or ".")
    for folder, runs in ((here, (here / "Results").glob("Run*")), (given, given.glob("*.root"))):
        if not (folder / MARKER).exists() and any(runs):
            raise RealResults(
                f"{folder} holds results without the file {MARKER}: perhaps real ones, nothing was started"
            )
    mark(here)


def _last_number(path: Path) -> int | None:
    try:
        lines = path.read_text(encoding="ascii").split()
        return int(lines[-1]) if lines else None
    except (FileNotFoundError, ValueError):
        return None


def next_outer_number(here: Path, count: bool = True) -> int:
    """The line after the last one of RunNumbers.dat, added to it; 1 where there is none."""
    path = here / "RunNumbers.dat"
    last = _last_number(path)
    number = 1 if last is None else last + 1
    if count:
        with path.open("a", encoding="ascii") as file:
            file.write(f"{number}\n")
    return number


def inner_number(here: Path) -> int:
    """The number in RunNumber.txt, 0 where there is none; `count_inner` counts it up at the end of a good run."""
    return _last_number(here / "RunNumber.txt") or 0


def count_inner(here: Path, number: int) -> None:
    """The next run has the next number."""
    (here / "RunNumber.txt").write_text(f"{number + 1}\n", encoding="ascii")


def result_folder(number: int) -> Path:
    """Relative to the working folder, unless GIPHT_RESULT_FOLDER says where."""
    return Path(os.environ.get("GIPHT_RESULT_FOLDER") or f"Results/Run_{number}")
