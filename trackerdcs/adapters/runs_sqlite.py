"""Runs in one SQLite file: the embedded default. doc/reference/runs.md has its tables."""

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from trackerdcs.adapters.runs_sqlite_more import SqliteLinks
from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.adapters.whole_file import measured
from trackerdcs.domain.errors import ConfigError, StoreFault
from trackerdcs.domain.plain import plain, rebuilt
from trackerdcs.domain.run import FileKind, Run, RunFile, RunQuery, brief, may_replace
from trackerdcs.domain.run_results import Blob, Result, ResultQuery

VERSION = 1
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS run (
    id TEXT PRIMARY KEY, sorted INTEGER NOT NULL, start INTEGER, stop INTEGER, number INTEGER, state TEXT NOT NULL,
    calibration TEXT NOT NULL, stand TEXT NOT NULL, sim INTEGER NOT NULL, brief TEXT NOT NULL, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS run_by_time ON run (sorted DESC, id);
CREATE INDEX IF NOT EXISTS run_by_number ON run (number);
CREATE INDEX IF NOT EXISTS run_by_state ON run (state, sorted DESC);
CREATE INDEX IF NOT EXISTS run_by_calibration ON run (calibration, sorted DESC);
CREATE TABLE IF NOT EXISTS run_module (
    module TEXT, sorted INTEGER, run TEXT, PRIMARY KEY (module, sorted DESC, run)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS module_of_run ON run_module (run);
CREATE TABLE IF NOT EXISTS result (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, board INTEGER NOT NULL, optical_group INTEGER,
    hybrid INTEGER, chip INTEGER, chip_type TEXT NOT NULL, module TEXT NOT NULL, start INTEGER, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS result_of_run ON result (run, kind, chip_type);
CREATE INDEX IF NOT EXISTS result_of_module ON result (module, kind, hybrid, chip, start DESC);
CREATE TABLE IF NOT EXISTS blob (
    result INTEGER NOT NULL, i INTEGER NOT NULL, head TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (result, i));
CREATE TABLE IF NOT EXISTS raw_file (
    run TEXT, name TEXT, kind TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (run, name));
CREATE INDEX IF NOT EXISTS raw_file_by_content ON raw_file (sha256);
CREATE TABLE IF NOT EXISTS raw (
    sha256 TEXT, i INTEGER, packed INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (sha256, i));
CREATE TABLE IF NOT EXISTS binding (stand TEXT, device TEXT, channel TEXT, start INTEGER, module TEXT, stop INTEGER,
    PRIMARY KEY (stand, device, channel, start)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (
    stand TEXT, device TEXT, user TEXT, id TEXT, ts INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (stand, device, user, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS command_by_time ON command (ts);
CREATE TABLE IF NOT EXISTS quarantined (id TEXT PRIMARY KEY, since INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
PIECE = 1 << 20
NEVER = 2**63 - 1
"""Sorts a run that has not begun before all that have."""
RESULT = ("run", "kind", "board", "optical_group", "hybrid", "chip", "chip_type", "module", "start")
BODY = ("version", "values", "numbers", "bad", "stats", "source")


class SqliteRuns(SqliteLinks):
    """ports_runs.RunStore in `path`, used by several processes at once: WAL, each change one transaction on disk."""

    def __init__(self, path: Path, guest: bool = False) -> None:
        super().__init__(SqliteFile(path, "", self._prepare, guest, shared=True))
        self._path = path

    def _prepare(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise ConfigError(
                f"{self._path}: written by a newer trackerdcs (schema {version}, this one knows {VERSION}): "
                "install that, or choose another file as runs.path"
            )
        if version == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise ConfigError(f"{self._path}: a SQLite file, but no runs")
        if version < VERSION:
            db.executescript(f"BEGIN IMMEDIATE;{SCHEMA}COMMIT;")

    def put_run(self, run: Run) -> bool:
        """Keep a record; False where it would change a final one back."""
        with self._writing() as db:
            old = db.execute("SELECT state FROM run WHERE id = ?", (run.id,)).fetchone()
            if old is not None and not may_replace(Run(run.id, old[0]), run):
                return False
            key = NEVER if run.start is None else run.start
            head = (run.id, key, run.start, run.end, run.number, run.state, run.calibration, run.stand, run.sim)
            texts = (_json(plain(brief(run))), _json(plain(run)))
            db.execute(f"REPLACE INTO run VALUES ({_marks(11)})", (*head, *texts))
            db.execute("DELETE FROM run_module WHERE run = ?", (run.id,))
            names = {module.name for module in run.modules if module.name}
            db.executemany("INSERT INTO run_module VALUES (?, ?, ?)", [(name, key, run.id) for name in names])
            return True

    def run(self, run: str) -> Run | None:
        """The whole record."""
        with self._file.transaction() as db:
            row = db.execute("SELECT record FROM run WHERE id = ?", (run,)).fetchone()
        return rebuilt(Run, json.loads(row[0])) if row else None

    def runs(self, query: RunQuery) -> list[Run]:
        """The newest first."""
        where, values = ["1"], list[Any]()
        for name in ("calibration", "number", "stand", "sim"):
            if (wanted := getattr(query, name)) is not None:
                where.append(f"run.{name} = ?")
                values.append(wanted)
        if query.states is not None:
            where.append(f"state IN ({_marks(len(query.states))})")
            values += query.states
        if query.until is not None:
            where.append("start < ?")
            values.append(query.until)
        if query.since is not None:
            where.append("start IS NOT NULL AND (stop IS NULL OR stop > ?)")
            values.append(query.since)
        table, key = "run", "run"
        if query.module is not None:
            # The join begins with the module: its few runs come in their order already.
            table, key = "run_module CROSS JOIN run ON run.id = run_module.run", "run_module"
            where.append("module = ?")
            values.append(query.module)
        order = f"{key}.sorted DESC, run.id LIMIT ?"
        sql = f"SELECT brief FROM {table} WHERE {' AND '.join(where)} ORDER BY {order}"
        with self._file.transaction() as db:
            rows = db.execute(sql, (*values, query.limit)).fetchall()
        return [rebuilt(Run, json.loads(text)) for (text,) in rows]

    def put_results(self, run: str, version: int, results: Sequence[Result]) -> None:
        """These instead of all that the run had."""
        unique = {result.key: replace(result, version=version) for result in results}
        with self._writing() as db:
            db.execute("DELETE FROM blob WHERE result IN (SELECT id FROM result WHERE run = ?)", (run,))
            db.execute("DELETE FROM result WHERE run = ?", (run,))
            for result in unique.values():
                body = _json({name: plain(getattr(result, name)) for name in BODY})
                row = (*(getattr(result, name) for name in RESULT), body)
                sql = f"INSERT INTO result ({', '.join(RESULT)}, body) VALUES ({_marks(len(row))})"
                number = db.execute(sql, row).lastrowid
                heads = [(_json(plain(replace(blob, data=b"")), ("data",)), blob.data) for blob in result.blobs]
                db.executemany(
                    "INSERT INTO blob VALUES (?, ?, ?, ?)", [(number, i, *both) for i, both in enumerate(heads)]
                )

    def results(self, query: ResultQuery) -> list[Result]:
        """The newest run first."""
        names = ("run", "kind", "module", "hybrid", "chip", "chip_type")
        wanted = {n: v for n in names if (v := getattr(query, n)) is not None}
        where = " AND ".join(["1", *(f"{name} = ?" for name in wanted)])
        place = ", ".join(f"coalesce({name}, -1)" for name in ("board", "optical_group", "hybrid", "chip"))
        order = f"coalesce(start, 0) DESC, run, {place}, kind, chip_type"
        sql = f"SELECT id, {', '.join(RESULT)}, body FROM result WHERE {where} ORDER BY {order} LIMIT ?"
        found = []
        with self._file.transaction() as db:
            for number, *head, body in db.execute(sql, (*wanted.values(), query.limit)).fetchall():
                whole = dict(zip(RESULT, head, strict=True)) | json.loads(body)
                result = rebuilt(Result, whole)
                content = "data" if query.blobs else "x''"
                rows = db.execute(f"SELECT head, {content} FROM blob WHERE result = ? ORDER BY i", (number,))
                blobs = tuple(rebuilt(Blob, json.loads(text) | {"data": data}) for text, data in rows)
                result = replace(result, blobs=blobs)
                found.append(result)
        return found

    def put_raw(self, run: str, name: str, kind: FileKind, content: BinaryIO) -> RunFile:
        """Keep a raw file; the same content is kept once, whoever has it."""
        size, sha256 = measured(content)
        file = RunFile(name, kind, size, sha256)
        with self._writing() as db:
            old = db.execute("SELECT sha256 FROM raw_file WHERE run = ? AND name = ?", (run, name)).fetchone()
            db.execute("REPLACE INTO raw_file VALUES (?, ?, ?, ?, ?)", (run, name, kind, size, sha256))
            if old is not None and old[0] != sha256:
                unused = "sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM raw_file WHERE sha256 = ?1)"
                db.execute(f"DELETE FROM raw WHERE {unused}", old)
            if db.execute("SELECT 1 FROM raw WHERE sha256 = ?", (sha256,)).fetchone() is None:
                for i, piece in enumerate(iter(lambda: content.read(PIECE), b"")):
                    small = zlib.compress(piece, 1) if kind in ("log", "text", "config") else piece
                    db.execute("INSERT INTO raw VALUES (?, ?, ?, ?)", (sha256, i, small is not piece, small))
        return file

    def raw(self, run: str, name: str) -> Iterator[bytes]:
        """The file in pieces of a megabyte."""
        with self._file.transaction() as db:
            row = db.execute("SELECT sha256, size FROM raw_file WHERE run = ? AND name = ?", (run, name)).fetchone()
        if row is None:
            raise StoreFault(f"run {run} has no raw file {name}")
        return self._pieces(*row)

    def _pieces(self, sha256: str, size: int) -> Iterator[bytes]:
        for i in range(-(-size // PIECE)):
            with self._file.transaction() as db:
                row = db.execute("SELECT packed, data FROM raw WHERE sha256 = ? AND i = ?", (sha256, i)).fetchone()
            if row is None:
                raise StoreFault(f"{self._path}: piece {i} of raw file {sha256} is not there any more")
            yield zlib.decompress(row[1]) if row[0] else row[1]

    def raw_files(self, run: str) -> list[RunFile]:
        """By name."""
        sql = "SELECT name, kind, size, sha256 FROM raw_file WHERE run = ? ORDER BY name"
        with self._file.transaction() as db:
            return [RunFile(*row) for row in db.execute(sql, (run,))]


def _json(value: Any, without: tuple[str, ...] = ()) -> str:
    if without:
        value = {key: each for key, each in value.items() if key not in without}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _marks(count: int) -> str:
    return ", ".join("?" * count)
