"""Beside the codec `mqtt5`: to refuse a message without losing the connection, and to say why a broker refuses us."""

import struct
from typing import SupportsInt

import mqtt5

from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.errors import BusDown

LARGEST = 1 << 20
"""Bytes of the largest message; of a larger one no more than its beginning is ever held."""
HEAD = 1000
"""Bytes of a refused message that are kept."""
PUBLISH = 3
PASSING = frozenset(
    int(reason)
    for reason in (
        mqtt5.DisconnectReasonCode.NORMAL_DISCONNECTION,
        mqtt5.DisconnectReasonCode.SERVER_BUSY,
        mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN,
        mqtt5.DisconnectReasonCode.KEEP_ALIVE_TIMEOUT,
    )
)
"""Reasons that are nobody's fault."""


class Refusal(BusDown):
    """The broker answered, and the answer is no: trying again will not help before somebody changes something."""


def refusal(reason: SupportsInt, text: str | None) -> BusDown:
    """What a broker says when it ends a connection, in words."""
    code = int(reason)
    name = getattr(reason, "name", str(code)).lower().replace("_", " ")
    why = f"{name}: {text}" if text else name
    if code == int(mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION):
        why += " (a loader needs MQTT 5: Mosquitto has it since 1.6)"
    if code == int(mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER):
        why += " (another loader of this name runs somewhere: each needs its own, --name)"
    return BusDown(f"the broker ends it: {why}") if code in PASSING else Refusal(f"refused by the broker: {why}")


def puback(ids: list[int]) -> bytes:
    """Acknowledgements of many messages."""
    words = [0x4002] * (2 * len(ids))
    words[1::2] = ids
    return struct.pack(f">{len(words)}H", *words)


def extent(data: bytes) -> tuple[int, int] | None:
    """Where the body of the first packet begins, and where it ends; None if too little has come to know."""
    length = 0
    for i, byte in enumerate(data[1:5]):
        length |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return 2 + i, 2 + i + length
    if len(data) >= 5:
        raise ValueError("a length of more than four bytes")
    return None


def refused(data: bytes, why: str) -> tuple[Arrival, int]:
    """The beginning of a PUBLISH as a message that was refused, and its packet id; ValueError for another packet."""
    found = extent(data)
    if found is None or data[0] >> 4 != PUBLISH:
        raise ValueError(why)
    body, _ = found
    try:
        (length,) = struct.unpack_from(">H", data, body)
        at = body + 2 + length
        number = struct.unpack_from(">H", data, at)[0] if data[0] & 0b110 else 0
    except struct.error as e:
        raise ValueError(why) from e
    topic = data[body + 2 : at].decode(errors="backslashreplace")
    return Arrival(topic, data[at : at + HEAD], bool(data[0] & 1), why), number
