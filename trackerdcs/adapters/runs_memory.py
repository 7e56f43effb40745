"""Runs in memory: the reference for the other stores, and what fast tests store into."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from trackerdcs.domain.errors import StoreDown, StoreFault
from trackerdcs.domain.run import FileKind, Run, RunFile, RunQuery, brief, may_replace, order
from trackerdcs.domain.run_links import Binding, BindingQuery, CommandQuery, Quarantined, StoredCommand, joined
from trackerdcs.domain.run_results import Result, ResultQuery, sort_key, without_numbers


class MemoryRuns:
    """Everything in dicts. `down` makes it unreachable."""

    def __init__(self) -> None:
        self.down: str | None = None
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._results: dict[str, list[Result]] = {}
        self._raw: dict[tuple[str, str], tuple[RunFile, bytes]] = {}
        self._bindings: dict[tuple[str, str, str], list[Binding]] = {}
        self._commands: dict[tuple[str, str, str, str], StoredCommand] = {}
        self._quarantined: dict[str, Quarantined] = {}

    def put_run(self, run: Run) -> bool:
        """Keep a record; False where it would change a final one back."""
        with self._reached():
            taken = may_replace(self._runs.get(run.id), run)
            if taken:
                self._runs[run.id] = run
            return taken

    def run(self, run: str) -> Run | None:
        """The whole record."""
        with self._reached():
            return self._runs.get(run)

    def runs(self, query: RunQuery) -> list[Run]:
        """The newest first."""
        with self._reached():
            found = sorted((run for run in self._runs.values() if query.takes(run)), key=order)
            return [brief(run) for run in found[: query.limit]]

    def put_results(self, run: str, version: int, results: Sequence[Result]) -> None:
        """These instead of all that the run had."""
        with self._reached():
            unique = {result.key: replace(result, version=version) for result in results}
            self._results[run] = list(unique.values())

    def results(self, query: ResultQuery) -> list[Result]:
        """The newest run first."""
        with self._reached():
            found = [r for results in self._results.values() for r in results if query.takes(r)]
            found = sorted(found, key=sort_key)[: query.limit]
            return found if query.blobs else [without_numbers(result) for result in found]

    def put_raw(self, run: str, name: str, kind: FileKind, content: BinaryIO) -> RunFile:
        """Keep a raw file."""
        with self._reached():
            data = content.read()
            file = RunFile(name, kind, len(data), hashlib.sha256(data).hexdigest())
            self._raw[run, name] = file, data
            return file

    def raw(self, run: str, name: str) -> Iterator[bytes]:
        """The file in one piece."""
        with self._reached():
            if (run, name) not in self._raw:
                raise StoreFault(f"run {run} has no raw file {name}")
            return iter((self._raw[run, name][1],))

    def raw_files(self, run: str) -> list[RunFile]:
        """By name."""
        with self._reached():
            return sorted((f for (of, _), (f, _) in self._raw.items() if of == run), key=lambda file: file.name)

    def put_binding(self, binding: Binding) -> None:
        """Among what is known of the channel."""
        with self._reached():
            channel = (binding.stand, binding.device, binding.channel)
            self._bindings[channel] = joined(self._bindings.get(channel, []), binding)

    def bindings(self, query: BindingQuery) -> list[Binding]:
        """By channel, then by time."""
        with self._reached():
            return [b for channel in sorted(self._bindings) for b in self._bindings[channel] if query.takes(b)]

    def put_command(self, command: StoredCommand) -> None:
        """Instead of the one with its key."""
        with self._reached():
            self._commands[command.key] = command

    def commands(self, query: CommandQuery) -> list[StoredCommand]:
        """By time."""
        with self._reached():
            found = sorted((c for c in self._commands.values() if query.takes(c)), key=lambda c: (c.ts, c.key))
            return found[-query.limit :]

    def put_quarantined(self, folder: Quarantined) -> None:
        """Instead of the one with its id; since when it is there stays."""
        with self._reached():
            old = self._quarantined.get(folder.id)
            self._quarantined[folder.id] = replace(folder, since=old.since) if old else folder

    def quarantined(self) -> list[Quarantined]:
        """By the time since when they are there."""
        with self._reached():
            return sorted(self._quarantined.values(), key=lambda folder: (folder.since, folder.id))

    def release(self, quarantined: str) -> None:
        """Nothing is said when it was not there."""
        with self._reached():
            self._quarantined.pop(quarantined, None)

    def close(self) -> None:
        """Nothing to let go of; what was kept stays for who looks at it afterwards."""

    def _reached(self) -> threading.Lock:
        if self.down is not None:
            raise StoreDown(self.down)
        return self._lock
