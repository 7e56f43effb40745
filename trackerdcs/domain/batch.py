"""Messages as they came from the broker, and the one block of bytes that a spool keeps of many."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from trackerdcs.domain.errors import ContractError

RETAINED = 1 << 31
"""Bit of a payload's length: the broker had kept the message."""
REFUSED = 1 << 30
"""Bit of a payload's length: the message was refused at the door; its payload is the cause, NUL, and its beginning."""

AT_THE_DOOR = "not taken in: "
"""How the cause of a message begins that was refused at the door: what is kept is only its beginning."""


class Arrival(NamedTuple):
    """A message as it came; `refused`: why it was not even read, its payload is then only its beginning."""

    topic: str
    payload: bytes
    retained: bool = False
    refused: str = ""


def pack(arrivals: Sequence[Arrival]) -> bytes:
    """Number, lengths of all topics, lengths and bits of all payloads, topics, payloads."""
    topics = [a.topic.encode() for a in arrivals]
    payloads = [a.payload for a in arrivals]
    sizes = list(map(len, payloads))
    for i, (_, payload, retained, refused) in enumerate(arrivals):
        if retained or refused:
            if refused:
                payloads[i] = refused.encode() + b"\0" + payload
            sizes[i] = len(payloads[i]) | (RETAINED if retained else 0) | (REFUSED if refused else 0)
    head = struct.pack(f"<I{2 * len(topics)}I", len(topics), *map(len, topics), *sizes)
    return b"".join((head, *topics, *payloads))


def unpack(block: bytes) -> list[Arrival]:
    """The messages of a block; ContractError where it is none."""
    try:
        return _unpacked(block)
    except UnicodeDecodeError as e:
        raise ContractError(f"a block of {len(block)} bytes: {e}") from e


def _unpacked(block: bytes) -> list[Arrival]:
    try:
        (number,) = struct.unpack_from("<I", block)
        lengths = struct.unpack_from(f"<{2 * number}I", block, 4)
    except struct.error as e:
        raise ContractError(f"a block of {len(block)} bytes: {e}") from e
    at = 4 + 8 * number
    topics = []
    for length in lengths[:number]:
        topics.append(block[at : at + length].decode())
        at += length
    arrivals = []
    for topic, size in zip(topics, lengths[number:], strict=True):
        payload = block[at : at + (length := size & (REFUSED - 1))]
        at += length
        if size < REFUSED:
            arrivals.append(Arrival(topic, payload))
            continue
        refused = b""
        if size & REFUSED:
            refused, _, payload = payload.partition(b"\0")
        arrivals.append(Arrival(topic, payload, bool(size & RETAINED), refused.decode()))
    if at != len(block):
        raise ContractError(f"a block of {len(block)} bytes, its messages have {at}")
    return arrivals
