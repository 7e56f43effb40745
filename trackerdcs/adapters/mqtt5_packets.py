"""Beside the codec `mqtt5`: to refuse a message without losing the connection, and to say why a broker refuses us."""

import struct
from typing import SupportsInt

import mqtt5

from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.errors import BusDown, BusRefused

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


def refusal(reason: SupportsInt, text: str | None) -> BusDown:
    """What a broker says when it ends a connection, in words."""
    code = int(reason)
    name = getattr(reason, "name", str(code)).lower().replace("_", " ")
    why = f"{name}: {text}" if text else name
    if code == int(mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION):
        why += " (a loader needs MQTT 5: Mosquitto has it since 1.6)"
    if code == int(mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER):
        why += " (another loader of this name runs somewhere: each needs its own, --name)"
    return BusDown(f"the broker ends it: {why}") if code in PASSING else BusRefused(f"refused by the broker: {why}")


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


def fault_of(error: BaseException) -> str:
    """What the codec found in a packet that is complete; raises what is no such finding.

    It is Rust, and a text that is no UTF-8 makes it panic, which is no Exception.
    """
    if isinstance(error, ValueError):
        return f"not MQTT 5: {error}"
    if type(error).__name__ == "PanicException":
        return "not MQTT 5: it defeats the codec, as a text does that is no UTF-8"
    raise error


def refused(data: bytes, why: str) -> tuple[Arrival, int]:
    """The beginning of a PUBLISH as a message that was refused, and its packet id; ValueError for another packet."""
    found = extent(data)
    if found is None or data[0] >> 4 != PUBLISH:
        raise ValueError(why)
    body, end = found
    try:
        (length,) = struct.unpack_from(">H", data, body)
        at = rest = body + 2 + length
        number = 0
        if data[0] & 0b110:
            (number,) = struct.unpack_from(">H", data, at)
            rest = at + 2
    except struct.error as e:
        raise ValueError(why) from e
    if rest > end:  # not even its packet id can be told, so it cannot be acknowledged
        raise ValueError(why)
    topic = data[body + 2 : at].decode(errors="backslashreplace")
    return Arrival(topic, data[rest : min(rest + HEAD, end)], bool(data[0] & 1), why), number
