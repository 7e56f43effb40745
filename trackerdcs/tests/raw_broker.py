"""A broker of raw bytes for tests: it says what a test tells it to, and keeps what it hears."""

import asyncio
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Self

import mqtt5

CONNACK = mqtt5.ConnAckPacket().write()
CONNECT, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ = 1, 4, 8, 10, 12
Answer = Callable[[int, bytes], bytes]


def packet(first: int, body: bytes) -> bytes:
    """A packet of any body, right or wrong."""
    length, size = len(body), b""
    while True:
        length, digit = length >> 7, length & 0x7F
        size += bytes([digit | (0x80 if length else 0)])
        if not length:
            return bytes([first]) + size + body


def publish(number: int, payload: bytes, topic: bytes = b"t", properties: bytes = b"") -> bytes:
    """A PUBLISH of QoS 1."""
    head = struct.pack(">H", len(topic)) + topic + struct.pack(">H", number)
    return packet(0x32, head + bytes([len(properties)]) + properties + payload)


def polite(kind: int, body: bytes) -> bytes:
    """Accepts all that a loader asks."""
    match kind:
        case 1:
            return CONNACK
        case 8:
            return packet(0x90, body[:2] + b"\0" + b"\x01")
        case 10:
            return packet(0xB0, body[:2] + b"\0" + b"\0")
        case 12:
            return b"\xd0\0"
    return b""


class RawBroker:
    """Listens on a free port of 127.0.0.1; `answer` is what it says to a packet, `first` after SUBSCRIBE."""

    def __init__(self, first: bytes = b"", answer: Answer = polite, chunk: int = 1 << 20) -> None:
        self.first, self._answer, self._chunk = first, answer, chunk
        self.connections = 0
        self.heard: list[tuple[int, bytes]] = []
        self.port = 0

    def acknowledged(self) -> list[int]:
        """Packet ids of the PUBACKs so far."""
        return [int.from_bytes(body[:2]) for kind, body in self.heard if kind == PUBACK]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                kind, length, shift = (await reader.readexactly(1))[0] >> 4, 0, 0
                while (digit := (await reader.readexactly(1))[0]) & 0x80:
                    length, shift = length | (digit & 0x7F) << shift, shift + 7
                body = await reader.readexactly(length | digit << shift)
                self.heard.append((kind, body))
                said = self._answer(kind, body) + (self.first if kind == SUBSCRIBE else b"")
                for at in range(0, len(said), self._chunk):
                    writer.write(said[at : at + self._chunk])
                    await writer.drain()
                    if self._chunk < len(said):
                        await asyncio.sleep(0)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
