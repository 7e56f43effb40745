"""What a database of runs has to have before it is used: collections with rules, indexes and accounts."""

import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

from trackerdcs.domain.run import STATES

NOT_ALLOWED = 13
USER_EXISTS = 51003

log = logging.getLogger(__name__)
Document = dict[str, Any]
_TEXT, _WHOLE, _MAYBE = {"bsonType": "string"}, {"bsonType": ["int", "long"]}, {"bsonType": ["int", "long", "null"]}


def _rules(**fields: Document) -> Document:
    return {"$jsonSchema": {"bsonType": "object", "required": list(fields), "properties": fields}}


RULES: dict[str, Document] = {
    "runs": _rules(
        _id=_TEXT,
        state={"enum": list(STATES)},
        start=_MAYBE,
        end=_MAYBE,
        sim={"bsonType": "bool"},
        complete={"bsonType": "bool"},
        modules={"bsonType": "array", "items": {"bsonType": "object", "required": ["name", "fuse_id"]}},
        schema=_WHOLE,
    ),
    "results": _rules(run=_TEXT, kind=_TEXT, board=_WHOLE, module=_TEXT, version=_WHOLE, values={"bsonType": "object"}),
    "commands": _rules(id=_TEXT, stand=_TEXT, device=_TEXT, user=_TEXT, cmd=_TEXT, ts=_WHOLE),
    "bindings": _rules(stand=_TEXT, device=_TEXT, channel=_TEXT, start=_WHOLE),
    "entries": _rules(_id=_TEXT, ts=_WHOLE, author=_TEXT, text=_TEXT, tags={"bsonType": "array", "items": _TEXT}),
    "quarantined": _rules(_id=_TEXT, folder=_TEXT, code=_TEXT, text=_TEXT, since=_WHOLE),
}
_NEWEST = ("sorted", DESCENDING)
INDEXES: dict[str, list[list[tuple[str, int]]]] = {
    "runs": [
        [_NEWEST, ("_id", ASCENDING)],
        [("modules.name", ASCENDING), _NEWEST, ("_id", ASCENDING)],
        [("state", ASCENDING), _NEWEST],
        [("calibration", ASCENDING), _NEWEST],
        [("number", ASCENDING), ("host", ASCENDING)],
    ],
    "results": [
        [("module", ASCENDING), ("kind", ASCENDING), ("hybrid", ASCENDING), ("chip", ASCENDING), ("begun", DESCENDING)],
    ],
    "commands": [[("ts", DESCENDING)], [("stand", ASCENDING), ("device", ASCENDING), ("ts", DESCENDING)]],
    "bindings": [[("module", ASCENDING), ("start", ASCENDING)]],
    "entries": [
        [("ts", DESCENDING), ("_id", DESCENDING)],
        [("tags", ASCENDING), ("ts", DESCENDING)],
        [("run", ASCENDING), ("ts", DESCENDING)],
    ],
    # The second one, and that of the pieces, are those that GridFS asks for.
    "raw.files": [
        [("metadata.run", ASCENDING), ("metadata.name", ASCENDING)],
        [("filename", ASCENDING), ("uploadDate", ASCENDING)],
    ],
}
UNIQUE = {
    # Two importers of the same run at once would leave its results twice: the second one is refused, and begins anew.
    "results": [(name, ASCENDING) for name in ("run", "kind", "chip_type", "board", "optical_group", "hybrid", "chip")],
    "raw.chunks": [("files_id", ASCENDING), ("n", ASCENDING)],
    "commands": [(name, ASCENDING) for name in ("stand", "device", "user", "id")],
    "bindings": [(name, ASCENDING) for name in ("stand", "device", "channel", "start")],
}
RESULTS = "_results"
"""What is appended to the name of the database for that of results and raw files. They have one of their own because
the roles that every server knows are given for whole databases, and results are written by one account alone."""
OF_RESULTS = frozenset({"results", "raw.files", "raw.chunks"})
LOGBOOK = "_logbook"
"""The same for the logbook, which is all that the web service may write."""
OF_LOGBOOK = frozenset({"entries", "attachments"})
ACCOUNTS: dict[str, tuple[str, str, str]] = {
    "importer": ("readWrite", "readWrite", "read"),
    "bridge": ("readWrite", "read", "read"),
    "recorder": ("readWrite", "read", "read"),
    "web": ("read", "read", "readWrite"),
}
"""What each account may do with runs (and commands, bindings, the quarantine), with results (and raw files), and with
the logbook."""


def prepare(client: MongoClient[Document], database: str) -> None:
    """Make what is missing; may be called by anybody at any time. Whoever may not has nothing to prepare: an account
    without that right works in a database that another one has prepared."""
    for db, names in (
        (client[database], (RULES.keys() | INDEXES.keys() | UNIQUE.keys()) - OF_RESULTS - OF_LOGBOOK),
        (client[database + RESULTS], OF_RESULTS),
        (client[database + LOGBOOK], OF_LOGBOOK),
    ):
        try:
            _prepare(db, names)
        except OperationFailure as e:
            if e.code != NOT_ALLOWED:
                raise
            log.debug("%s: not allowed to prepare it: %s", db.name, e)


def _prepare(db: Database[Document], names: Collection[str]) -> None:
    there = set(db.list_collection_names())
    for name in sorted(names):
        if name in RULES and name not in there:
            with suppress(CollectionInvalid):  # another process was faster
                db.create_collection(name, validator=RULES[name])
        models = [IndexModel(key) for key in INDEXES.get(name, [])]
        if name in UNIQUE:
            models.append(IndexModel(UNIQUE[name], unique=True))
        if models:
            db[name].create_indexes(models)


def make_accounts(client: MongoClient[Document], database: str, passwords: Mapping[str, str]) -> None:
    """The accounts that `passwords` names, by an administrator; one that is there gets this password."""
    for user, password in passwords.items():
        places = zip((database, database + RESULTS, database + LOGBOOK), ACCOUNTS[user], strict=True)
        roles = [{"role": role, "db": name} for name, role in places]
        try:
            client[database].command("createUser", user, pwd=password, roles=roles)
        except OperationFailure as e:
            if e.code != USER_EXISTS:
                raise
            client[database].command("updateUser", user, pwd=password, roles=roles)
