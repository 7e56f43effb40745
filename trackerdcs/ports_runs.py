"""What the inside needs from the outside to keep runs: the part of `ports` that is about calibrations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from trackerdcs.domain.run import FileKind, Run, RunFile, RunQuery
from trackerdcs.domain.run_links import Binding, BindingQuery, CommandQuery, Quarantined, StoredCommand
from trackerdcs.domain.run_reading import ReadRun
from trackerdcs.domain.run_results import Result, ResultQuery


class RunStore(Protocol):
    """Runs, what they measured and their raw files; modules on channels, commands, folders in quarantine.

    Usable from any thread; each call blocks, and what it wrote is durable when it returns. Everything may be written
    twice. All methods raise StoreDown (try again later) or StoreFault (somebody has to do something).
    """

    def put_run(self, run: Run) -> bool:
        """Keep the whole record in place of the one with its id; False and nothing done where that would change a
        final record back to one that is not."""

    def run(self, run: str) -> Run | None: ...

    def runs(self, query: RunQuery) -> list[Run]:
        """By start, the newest first, those without one before all; as `brief` makes them."""

    def put_results(self, run: str, version: int, results: Sequence[Result]) -> None:
        """These in place of all results that the run has. All or none is seen by readers of SQLite and memory; where a
        server is killed on the way, the run is not `complete`, and the same call mends it."""

    def results(self, query: ResultQuery) -> list[Result]: ...

    def put_raw(self, run: str, name: str, kind: FileKind, content: BinaryIO) -> RunFile:
        """Keep a raw file in place of the one of that name; the same content again costs no room."""

    def raw(self, run: str, name: str) -> Iterator[bytes]:
        """The file piece by piece; StoreFault where there is none."""

    def raw_files(self, run: str) -> list[RunFile]:
        """By name."""

    def put_binding(self, binding: Binding) -> None:
        """In any order: `joined` says what the channel's bindings become."""

    def bindings(self, query: BindingQuery) -> list[Binding]:
        """By channel, then by time."""

    def put_command(self, command: StoredCommand) -> None:
        """In place of the one with its key: first as it was heard, then with its answer."""

    def commands(self, query: CommandQuery) -> list[StoredCommand]: ...
    def put_quarantined(self, folder: Quarantined) -> None: ...
    def quarantined(self) -> list[Quarantined]:
        """By the time since when they are there."""

    def release(self, quarantined: str) -> None:
        """Forget that a folder was in quarantine; what was saved of it stays."""

    def close(self) -> None: ...


MARK = "TRACKERDCS_RUN"
"""Variable in the environment of a program, and of all that it starts: the id of its run."""


@dataclass(frozen=True)
class Born:
    """Which process: a number is used again by others, but not with the same start (`host`, this start of the computer,
    and the time since then). `mark`: what `MARK` says in its environment."""

    pid: int
    start: str
    mark: str = ""


class Child(Protocol):
    """A program in a process group of its own, which outlives who started it."""

    born: Born

    @property
    def running(self) -> bool: ...

    @property
    def rc(self) -> int | None:
        """How it ended, negative for a signal; None while it runs, and where nobody has seen it."""

    def interrupt(self) -> None:
        """SIGINT to its group."""

    def kill(self) -> None:
        """SIGKILL to its group, which also ends what is left of it without its leader."""


class Programs(Protocol):
    """Starts programs and finds them again. All methods block, hardly ever for long."""

    def missing(self, program: str) -> str | None:
        """Why a program cannot be started, or None."""

    def start(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path, boards: Sequence[str]
    ) -> Child:
        """Start a program with its output, both streams, in a file. The readout boards are its own until it ends; InUse
        where another program has one. Raises OSError."""

    def adopt(self, born: Born) -> Child | None:
        """A program that was started earlier, if it still runs."""

    def find(self, mark: str) -> Child | None:
        """A program that was started with this mark, if it still runs: its start may have been noted by nobody."""

    def sweep(self, mark: str) -> int:
        """End what programs with this mark, which run no more, have left behind; how many processes."""


class RunReader(Protocol):
    """Reads the files that a program of calibrations wrote, by their names in the run's folder. What cannot be read is
    on the record, and no exception."""

    version: int

    def read(self, run: Run, files: dict[str, Path]) -> ReadRun:
        """The record made whole: what is known of the run already (its id, how it ended, who wanted it) stays."""
