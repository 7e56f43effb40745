"""Runs in MongoDB: one document a run, one a result, raw files in GridFS. doc/reference/runs.md has the collections."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from bson import Int64
from bson.codec_options import TypeDecoder, TypeRegistry
from bson.errors import BSONError
from gridfs import GridFSBucket
from gridfs.errors import NoFile
from pymongo import MongoClient, ReplaceOne
from pymongo.errors import AutoReconnect, ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError

from trackerdcs.adapters.runs_mongo_setup import LOGBOOK, NOT_ALLOWED, RESULTS, prepare
from trackerdcs.adapters.whole_file import measured
from trackerdcs.domain.errors import StoreDown, StoreFault
from trackerdcs.domain.logbook import Entry, EntryQuery, folded
from trackerdcs.domain.plain import plain, rebuilt
from trackerdcs.domain.run import FINAL_STATES, FileKind, Run, RunFile, RunQuery, brief
from trackerdcs.domain.run_links import Binding, BindingQuery, CommandQuery, Quarantined, StoredCommand, joined
from trackerdcs.domain.run_results import Result, ResultQuery

NEVER = 2**63 - 1
"""Sorts a run that has not begun before all that have."""
HEAVY = {name: 0 for name in ("settings", "environment", "files", "summary", "events", "log.tail")}
"""What lists leave out: not even sent."""
Document = dict[str, Any]


class _Whole(TypeDecoder):
    """Times come back as the integers that they were: BSON's own kind is refused by other encoders."""

    bson_type = Int64

    def transform_bson(self, value: Any) -> int:
        return int(value)


WHOLE = TypeRegistry([_Whole()])


class MongoRuns:
    """ports_runs.RunStore in a database. Writes are acknowledged by a majority; a client of pymongo has its own pool,
    so it is used from any thread. Collections, indexes and rules are made by the first client that may."""

    def __init__(
        self,
        url: str,
        database: str = "trackerdcs",
        user: str | None = None,
        password: str | None = None,
        wait: float = 5.0,
    ) -> None:
        login: Document = {"username": user, "password": password, "authSource": database} if user else {}
        ms = int(wait * 1000)
        waits: Document = {"serverSelectionTimeoutMS": ms, "connectTimeoutMS": ms, "wTimeoutMS": 30_000}
        self._url, self._user = url, user
        self._client = MongoClient[Document](url, w="majority", connect=False, type_registry=WHOLE, **waits, **login)
        self._database = database
        self._db, self._measured = self._client[database], self._client[database + RESULTS]
        self._logbook = self._client[database + LOGBOOK]
        self._raw = GridFSBucket(self._measured, "raw")
        self._prepared = False

    def put_run(self, run: Run) -> bool:
        """Keep a record; False where it would change a final one back."""
        times = {"start": _date(run.start), "end": _date(run.end)}
        key = NEVER if run.start is None else run.start
        document = {"_id": run.id, "sorted": key, "dates": times, **plain(run)}
        del document["id"]
        wanted: Document = {"_id": run.id}
        if not run.final:
            wanted["state"] = {"$nin": sorted(FINAL_STATES)}
        with self._speaking():
            try:
                self._db.runs.replace_one(wanted, document, upsert=True)
            except DuplicateKeyError:
                return False  # it is there, and it is final
            return True

    def run(self, run: str) -> Run | None:
        """The whole record."""
        with self._speaking():
            document = self._db.runs.find_one({"_id": run})
        return _run(document) if document else None

    def runs(self, query: RunQuery) -> list[Run]:
        """The newest first."""
        names = ("calibration", "number", "stand", "sim")
        wanted: Document = {name: each for name in names if (each := getattr(query, name)) is not None}
        if query.module is not None:
            wanted["modules.name"] = query.module
        if query.states is not None:
            wanted["state"] = {"$in": list(query.states)}
        if query.stands is not None:
            wanted["$and"] = [{"stand": {"$in": list(query.stands)}}]  # beside `stand`, not in place of it
        if query.until is not None or query.since is not None:
            wanted["start"] = {"$ne": None} | ({"$lt": query.until} if query.until is not None else {})
        if query.since is not None:
            wanted["$or"] = [{"end": None}, {"end": {"$gt": query.since}}]
        with self._speaking():
            found = self._db.runs.find(wanted, HEAVY).sort([("sorted", -1), ("_id", 1)]).limit(query.limit)
            return [brief(_run(document)) for document in found]

    def put_results(self, run: str, version: int, results: Sequence[Result]) -> None:
        """These instead of all that the run had."""
        unique = {result.key: replace(result, version=version) for result in results}
        documents = [{"begun": r.start or 0, "date": _date(r.start), **plain(r)} for r in unique.values()]
        with self._speaking():
            self._measured.results.delete_many({"run": run})
            if documents:
                self._measured.results.insert_many(documents)

    def results(self, query: ResultQuery) -> list[Result]:
        """The newest run first."""
        names = ("run", "kind", "module", "hybrid", "chip", "chip_type")
        wanted = {name: each for name in names if (each := getattr(query, name)) is not None}
        down = ("run", "board", "optical_group", "hybrid", "chip", "kind", "chip_type")
        order: list[tuple[str, int]] = [("begun", -1), *((name, 1) for name in down)]
        with self._speaking():
            found = self._measured.results.find(wanted, None if query.blobs else {"blobs.data": 0}).sort(order)
            return [rebuilt(Result, document) for document in found.limit(query.limit)]

    def put_raw(self, run: str, name: str, kind: FileKind, content: BinaryIO) -> RunFile:
        """Keep a raw file. GridFS writes its document when all pieces are there: what has none is begun anew."""
        size, sha256 = measured(content)
        file = RunFile(name, kind, size, sha256)
        number = hashlib.sha256(f"{run}\0{name}\0{sha256}".encode()).hexdigest()
        files, pieces = self._measured["raw.files"], self._measured["raw.chunks"]
        with self._speaking():
            if files.find_one({"_id": number}, {"_id": 1}) is None:
                pieces.delete_many({"files_id": number})
                about = {"run": run, "name": name, "kind": kind, "sha256": sha256}
                self._raw.upload_from_stream_with_id(number, f"{run}/{name}", content, metadata=about)
            for old in files.find({"metadata.run": run, "metadata.name": name, "_id": {"$ne": number}}, {"_id": 1}):
                files.delete_one(old)
                pieces.delete_many({"files_id": old["_id"]})
        return file

    def raw(self, run: str, name: str) -> Iterator[bytes]:
        """The file piece by piece."""
        with self._speaking():
            about = self._measured["raw.files"].find_one({"metadata.run": run, "metadata.name": name}, {"_id": 1})
        if about is None:
            raise StoreFault(f"run {run} has no raw file {name}")
        return self._pieces(about["_id"])

    def _pieces(self, number: str) -> Iterator[bytes]:
        with self._speaking(), self._raw.open_download_stream(number) as stream:
            while piece := stream.readchunk():
                yield piece

    def raw_files(self, run: str) -> list[RunFile]:
        """By name."""
        with self._speaking():
            found = self._measured["raw.files"].find({"metadata.run": run}).sort("metadata.name", 1)
            return [RunFile(m["name"], m["kind"], f["length"], m["sha256"]) for f in found if (m := f["metadata"])]

    def put_binding(self, binding: Binding) -> None:
        """Among what is known of the channel."""
        channel = {"stand": binding.stand, "device": binding.device, "channel": binding.channel}
        with self._speaking():
            known = [rebuilt(Binding, each) for each in self._db.bindings.find(channel)]
            new = joined(known, binding)
            self._db.bindings.bulk_write([ReplaceOne(channel | {"start": b.start}, plain(b), upsert=True) for b in new])
            self._db.bindings.delete_many(channel | {"start": {"$nin": [b.start for b in new]}})

    def bindings(self, query: BindingQuery) -> list[Binding]:
        """By channel, then by time."""
        names = ("stand", "device", "channel", "module")
        wanted = {name: each for name in names if (each := getattr(query, name)) is not None}
        with self._speaking():
            found = self._db.bindings.find(wanted).sort([(name, 1) for name in ("stand", "device", "channel", "start")])
            return [binding for each in found if query.takes(binding := rebuilt(Binding, each))]

    def put_command(self, command: StoredCommand) -> None:
        """Instead of the one with its key."""
        key = dict(zip(("stand", "device", "user", "id"), command.key, strict=True))
        with self._speaking():
            self._db.commands.replace_one(key, plain(command), upsert=True)

    def commands(self, query: CommandQuery) -> list[StoredCommand]:
        """By time."""
        names = ("stand", "device", "user", "cmd", "id")
        wanted: Document = {name: each for name in names if (each := getattr(query, name)) is not None}
        either = [] if query.who is None else [{"$or": [{"by": query.who}, {"user": query.who}]}]
        if query.before is not None:
            either.append(_before(("ts", "stand", "device", "user", "id"), query.before))
        if either:
            wanted["$and"] = either
        limits = {"$gte": query.since, "$lt": query.until}
        if window := {name: limit for name, limit in limits.items() if limit is not None}:
            wanted["ts"] = window
        order = [(name, -1) for name in ("ts", "stand", "device", "user", "id")]
        with self._speaking():
            found = list(self._db.commands.find(wanted).sort(order).limit(query.limit))
        return [rebuilt(StoredCommand, each) for each in found[::-1]]

    def put_quarantined(self, folder: Quarantined) -> None:
        """Instead of the one with its id; since when it is there stays."""
        with self._speaking():
            old = self._db.quarantined.find_one({"_id": folder.id}, {"since": 1})
            kept = replace(folder, since=old["since"]) if old else folder
            self._db.quarantined.replace_one({"_id": folder.id}, {"_id": folder.id, **plain(kept)}, upsert=True)

    def quarantined(self) -> list[Quarantined]:
        """By the time since when they are there."""
        with self._speaking():
            found = self._db.quarantined.find().sort([("since", 1), ("_id", 1)])
            return [rebuilt(Quarantined, each) for each in found]

    def release(self, quarantined: str) -> None:
        """Nothing is said when it was not there."""
        with self._speaking():
            self._db.quarantined.delete_one({"_id": quarantined})

    def put_entry(self, entry: Entry, contents: Sequence[bytes] = ()) -> bool:
        """The attachments first: an entry that is seen has all of them."""
        document = {"_id": entry.id, "date": _date(entry.ts), "folded": folded(entry.text), **plain(entry)}
        del document["id"]
        with self._speaking():
            if self._logbook.entries.find_one({"_id": entry.id}, {"_id": 1}) is not None:
                return False
            for n, content in enumerate(contents):
                key = {"_id": f"{entry.id}/{n}"}
                self._logbook.attachments.replace_one(key, key | {"data": content}, upsert=True)
            try:
                self._logbook.entries.insert_one(document)
            except DuplicateKeyError:
                return False
            return True

    def entries(self, query: EntryQuery) -> list[Entry]:
        """The newest first."""
        names = {"_id": "id", "stand": "stand", "author": "author", "run": "run", "tags": "tag"}
        wanted: Document = {key: each for key, name in names.items() if (each := getattr(query, name)) is not None}
        limits = {"$gte": query.since, "$lt": query.until}
        if window := {name: limit for name, limit in limits.items() if limit is not None}:
            wanted["ts"] = window
        if query.text is not None:
            wanted["folded"] = {"$regex": re.escape(folded(query.text))}
        if query.after is not None:
            wanted |= _before(("ts", "_id"), query.after)
        with self._speaking():
            found = self._logbook.entries.find(wanted).sort([("ts", -1), ("_id", -1)]).limit(query.limit)
            return [rebuilt(Entry, each | {"id": each["_id"]}) for each in found]

    def attachment(self, entry: str, n: int) -> bytes | None:
        """None where there is none."""
        with self._speaking():
            found = self._logbook.attachments.find_one({"_id": f"{entry}/{n}"})
        return found["data"] if found else None

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """A call to the server: what goes wrong is said in our words."""
        who = f"{self._url}{f' as {self._user}' if self._user else ''}"
        try:
            if not self._prepared:
                prepare(self._client, self._database)
                self._prepared = True
            yield
        except (ConnectionFailure, AutoReconnect) as e:
            raise StoreDown(f"{who}: {e}") from e
        except NoFile as e:
            raise StoreFault(f"{who}: {e}") from e
        except OperationFailure as e:
            if e.code == NOT_ALLOWED:
                raise StoreFault(f"{who}: this account may not do that: {e}") from e
            raise StoreFault(f"{who}: {e}") from e
        except (PyMongoError, BSONError, OverflowError) as e:  # the latter: what no document can hold, or is too large
            raise StoreFault(f"{who}: {e}") from e


def _run(document: Document) -> Run:
    return rebuilt(Run, document | {"id": document["_id"]})


def _before(names: Sequence[str], place: Sequence[Any]) -> Document:
    """What comes before a place in the order of several fields."""
    same = [dict(zip(names[:i], place[:i], strict=True)) for i in range(len(names))]
    return {"$or": [same[i] | {name: {"$lt": place[i]}} for i, name in enumerate(names)]}


def _date(ts: int | None) -> datetime | None:
    """For people and for tools that know dates; to the microsecond only, so ours are integers beside it."""
    return None if ts is None else datetime.fromtimestamp(ts / 1e9, UTC)
