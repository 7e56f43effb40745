"""What OpenAPI shows of the desk's routes: examples that the same code makes as the answers."""

from typing import Any

from trackerdcs.app.tables import csv_text
from trackerdcs.domain import desk_answers as said
from trackerdcs.domain.alarm_story import Chapter
from trackerdcs.domain.answers import Answer, Table
from trackerdcs.domain.health import LoaderHealth, Missing, PartHealth, PlaceHealth, SourceHealth
from trackerdcs.domain.logbook import Attachment, Entry
from trackerdcs.domain.run_links import StoredCommand
from trackerdcs.web.examples import faults, role

S = 1_000_000_000
T0 = 1_780_063_197 * S
ID = "5f0c2a7e9b6d4c1f8e3a7b2d4c6e8f01"
_STORY = [
    Chapter(
        T0 + 9 * S, "demo", "damp", "acknowledged", "critical", "env1.rh", 61.2, "61.2 above 60", "shifter", "on it"
    ),
    Chapter(T0, "demo", "damp", "raised", "critical", "env1.rh", 60.4, "60.4 above 60"),
]
_COMMAND = StoredCommand(
    "k1",
    "demo",
    "hv1",
    "web",
    "set_voltage",
    T0,
    "ch0",
    {"v": -200},
    "shifter",
    "for the night",
    "done",
    None,
    {"v_set": -200.0},
    T0 + 4 * S,
)
_ENTRY = Entry(
    ID,
    T0,
    "shifter",
    "Humidity rose when the box was opened.",
    ("humidity", "box"),
    "demo",
    None,
    None,
    (Attachment("box.jpg", "image/jpeg", 123_456),),
)
_PART = PartHealth("demo", "hv1", "iseg_shr", "online", "1.4.0", None, T0, 3.2, 0.4, 1.0, -0.01, (), True, True)
_LOADER = LoaderHealth("loader", 90210.0, 90200.0, 0.0, 0.0, 0.0, 0.0, 1.2, (SourceHealth("demo-hv1", 3600.0, 1.2),))
_PLACE = PlaceHealth("demo", 80 << 30, 100 << 30, {"hv1": 12}, {"loader": 0}, (Missing("hv1", 0, 0, 0, 0),))
_HEALTH = said.health_answer(T0, {"demo": True, "site": True}, [_PART], [_LOADER], [_PLACE])
DESK: dict[str, tuple[Answer, Table | None]] = {
    "alarm_history": (said.story_answer(_STORY, (T0 - 86_400 * S, T0 + 60 * S), 100), said.story_table(_STORY)),
    "ledger": (
        {
            "commands": [said.command_answer(_COMMAND)],
            "next": f"/api/ledger?limit=1&after={T0}%3Ademo%3Ahv1%3Aweb%3Ak1",
        },
        said.commands_table([_COMMAND]),
    ),
    "logbook": (
        {"entries": [said.entry_answer(_ENTRY)], "next": f"/api/logbook?limit=1&after={T0}%3A{ID}"},
        said.entries_table([_ENTRY]),
    ),
    "health": (_HEALTH, None),
}
ENTRY = said.entry_answer(_ENTRY)
FIELDS: dict[str, Any] = {
    "type": "object",
    "required": ["text"],
    "properties": {
        "text": {"type": "string", "maxLength": 10_000},
        "tags": {"type": "string", "description": "Names with spaces or commas between them, at most 10."},
        "stand": {"type": "string"},
        "run": {"type": "string", "description": "The id of a run that is stored."},
        "refers": {"type": "string", "description": "The id of the entry that this one corrects or goes on with."},
        "id": {"type": "string", "description": "The writer's own, 32 hexadecimal digits: sent twice is written once."},
        "file": {
            "type": "array",
            "maxItems": 4,
            "items": {"type": "string", "format": "binary"},
            "description": "At most 4 MiB each, 8 MiB together.",
        },
    },
}
MORE = {
    411: ("The length is missing.", "Nothing was done: the length of the request is missing."),
    413: ("It is too large.", "file: 'x.png' has more than 4194304 bytes"),
    415: ("It is no form.", "expected a form: multipart/form-data"),
}


def documented(name: str) -> dict[str, Any]:
    """What the decorator of a route that reads is given."""
    whole, table = DESK[name]
    content: dict[str, Any] = {"application/json": {"example": whole}}
    if table is not None:
        content["text/csv"] = {"example": csv_text(table)}
        content["application/vnd.apache.parquet"] = {"schema": {"type": "string", "format": "binary"}}
    ok: dict[int | str, dict[str, Any]] = {200: {"description": "As it is now.", "content": content}}
    return {
        "responses": ok | faults(401, 403, *((422, 501) if table is not None else ()), 503),
        "openapi_extra": role("viewer"),
        "name": name,
        "operation_id": name,
    }


def written() -> dict[str, Any]:
    """What the decorator of the route that writes an entry is given."""
    example = {"application/json": {"example": ENTRY}}
    ok: dict[int | str, dict[str, Any]] = {
        201: {"description": "Written.", "content": example},
        200: {"description": "It was written before, with this id.", "content": example},
    }
    more: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "content": {"application/json": {"example": {"error": said}}}}
        for status, (text, said) in MORE.items()
    }
    body = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FIELDS}}}}
    return {
        "responses": ok | faults(401, 403, 422, 503) | more,
        "openapi_extra": role("shifter") | body,
        "name": "write_entry",
        "operation_id": "write_entry",
        "status_code": 201,
    }


def sent() -> dict[str, Any]:
    """What the decorator of the route of attachments is given."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    kinds = ("application/octet-stream", "image/png", "image/jpeg")
    ok: dict[int | str, dict[str, Any]] = {
        200: {"description": "The content, to be saved.", "content": dict.fromkeys(kinds, binary)}
    }
    return {
        "responses": ok | faults(401, 403, 404, 422, 503),
        "openapi_extra": role("viewer"),
        "name": "attachment",
        "operation_id": "attachment",
    }
