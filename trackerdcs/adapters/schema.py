"""The contract as JSON Schema (draft 2020-12) and AsyncAPI 3.0, made from the domain's dataclasses by pydantic."""

import copy
import re
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from trackerdcs.domain.messages import MESSAGES, NOT_A_KIND, TEXT, VERSION, Stored
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import ADDRESSES, NAME, RETAINED

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
RECEIVED = frozenset({"cmd", "stored", "kill"})
"""Kinds that a device listens to; it sends all others."""

_NAME: Schema = {"pattern": f"^{NAME.pattern}$"}
_CHANNEL: Schema = {"pattern": f"^(-|{NAME.pattern})$"}
_BY_QUANTITY: Schema = {"propertyNames": _CHANNEL, "additionalProperties": {"propertyNames": _NAME}}
_KIND: Schema = {"pattern": f"^(?!({'|'.join(sorted(NOT_A_KIND))})$){NAME.pattern}$"}
_READINGS: Schema = {
    "propertyNames": _CHANNEL,
    "additionalProperties": {
        "propertyNames": _NAME,
        "properties": {TEXT: {"type": "string"}},
        "additionalProperties": {"anyOf": [{"type": "number"}, {"type": "boolean"}]},
    },
}
_FRAME: Schema = {
    "ts": {"exclusiveMinimum": 0},
    "seq": {"minimum": 0},
    "boot": {"minLength": 1},
    "kind": _KIND,
    "ch": _READINGS,
    "bad": _BY_QUANTITY,
    "unc": _BY_QUANTITY,
}
_CHECKED: dict[str, Schema] = {
    "frame": _FRAME,
    "replay": _FRAME,
    "meta": {"kind": _NAME},
    "cmd": {"id": {"minLength": 1, "maxLength": 64}},
}
"""What the messages' own checks demand beyond the types of their fields."""


def json_schemas() -> dict[str, Schema]:
    """The schema of each message, by the kind of its topic."""
    return {kind: {"$schema": DRAFT} | _message(kind, "#/$defs/{model}") for kind in ADDRESSES}


def stand_schema() -> Schema:
    """The schema of a stand file, for editors that know YAML; the contradictions are found by `trackerdcs check`."""
    return {"$schema": DRAFT} | _of(Stand, "#/$defs/{model}")


def asyncapi() -> Schema:
    """Topics, messages and who sends them, from the side of a device."""
    schemas: dict[str, Schema] = {}
    for kind in ADDRESSES:
        schema = _message(kind, "#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[kind] = schema
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "trackerdcs device",
            "version": f"{VERSION}.0.0",
            "description": "What a device says and hears. MQTT 3.1.1, QoS 1, JSON in UTF-8; times in ns UTC, units SI.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {kind: _channel(kind, address) for kind, address in ADDRESSES.items()},
        "operations": {kind: _operation(kind) for kind in ADDRESSES},
        "components": {
            "messages": {
                kind: {"name": kind, "payload": {"$ref": f"#/components/schemas/{kind}"}} for kind in ADDRESSES
            },
            "schemas": schemas,
        },
    }


class _Plain(GenerateJsonSchema):
    """Without a title for each field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _of(kind: Any, refs: str) -> Schema:
    schema: Schema = TypeAdapter(kind).json_schema(ref_template=refs, schema_generator=_Plain)
    return schema


def _message(kind: str, refs: str) -> Schema:
    if kind == "stored":
        return _stored()
    if kind == "kill":
        return {"title": "Kill", "description": "Anything or nothing: whatever arrives, it is a kill."}
    schema = _of(MESSAGES[kind], refs)
    del schema["properties"]["extra"]
    schema["properties"]["v"] = {"const": VERSION}
    schema["required"].insert(0, "v")
    for field, checks in _CHECKED.get(kind, {}).items():
        _merge(schema["properties"][field], checks)
    return schema


def _stored() -> Schema:
    schema = _of(Stored, "")
    boots = schema["additionalProperties"]
    pair = boots["additionalProperties"]["items"]
    pair["items"] = pair.pop("prefixItems")[0] | {"minimum": 0}  # both alike, said so that older drafts know it too
    description = "Device, boot, ranges [from, to] of sequence numbers that are durably stored since the last message."
    return {"title": "Stored", "description": description, "propertyNames": _NAME} | schema


def _merge(schema: Schema, checks: Schema) -> None:
    for key, value in checks.items():
        if isinstance(value, dict) and isinstance(schema.get(key), dict):
            _merge(schema[key], value)
        else:
            schema[key] = copy.deepcopy(value)


def _channel(kind: str, address: str) -> Schema:
    parameters = {name: {"description": f"Matches {NAME.pattern}"} for name in re.findall(r"\{(\w+)\}", address)}
    messages = {kind: {"$ref": f"#/components/messages/{kind}"}}
    return {"address": address, "parameters": parameters, "messages": messages}


def _operation(kind: str) -> Schema:
    return {
        "action": "receive" if kind in RECEIVED else "send",
        "channel": {"$ref": f"#/channels/{kind}"},
        "messages": [{"$ref": f"#/channels/{kind}/messages/{kind}"}],
        "bindings": {"mqtt": {"qos": 1, "retain": kind in RETAINED, "bindingVersion": "0.2.0"}},
    }
