"""One MQTT 5 connection that only receives: many messages a read, many acknowledgements a write."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Sequence
from typing import Any

import mqtt5

from trackerdcs.adapters.mqtt5_packets import LARGEST, extent, fault_of, puback, refusal, refused
from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.errors import BusDown, BusRefused
from trackerdcs.domain.probing import SESSION_S
from trackerdcs.domain.series import new

ANSWER_S = 5.0
"""A broker that does not answer within this time is left."""
KEEPALIVE_S = 10
WINDOW = 65_534
"""Receive Maximum: messages on their way before the broker waits for an acknowledgement. The codec leaves 65535 out,
which is what the standard means by silence, and Mosquitto then takes its own window of 20 (test_inlet_mqtt5.py)."""
PAUSE_S, FLOOD = 0.005, 32_768
"""The broker would wake us for every message: a pause after each read takes many at once, unless one brought much."""
GULP, GULP_BYTES = 4000, 2 << 20
"""The most of one gulp."""
HELD, HELD_BYTES = 2 * GULP, 2 * GULP_BYTES
"""Messages that wait to be gulped before reading stops."""
log = logging.getLogger(__name__)


class Gulped:
    """ports.Gulp: what came together on one connection."""

    def __init__(self, wire: "Wire", arrivals: list[Arrival], ids: list[int]) -> None:
        self._wire, self.arrivals, self._ids = wire, arrivals, ids

    def acknowledge(self) -> None:
        """One write for all."""
        self._wire.acknowledge(self._ids)
        self._ids = []


class Wire(asyncio.Protocol):
    """From CONNECT to the end. `opened` and `ended` tell what becomes of it."""

    def __init__(self, client_id: str, user: str | None, password: str | None, keepalive: int) -> None:
        self._connect = mqtt5.ConnectPacket(
            client_id,
            username=user,
            password=password.encode() if password is not None else None,
            clean_start=False,
            keep_alive=keepalive,
            session_expiry_interval=SESSION_S,
            receive_max=WINDOW,
        )
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._skip = 0
        """Bytes of a message that is too large which have not come yet."""
        self._arrivals: list[Arrival] = []
        self._ids: list[int] = []
        self._bytes = 0
        self._paused = False
        """No reading for a moment, or, `_stopped`, until there is room."""
        self._stopped = False
        self._news, self._whole = asyncio.Event(), asyncio.Event()
        self._answers: dict[int, asyncio.Future[Sequence[int]]] = {}
        self._numbers = itertools.count(1)
        self._heard = self._loop.time()
        self._beat: asyncio.TimerHandle | None = None
        self.opened: asyncio.Future[bool] = self._loop.create_future()
        """True if the broker has a session of this client: its subscriptions are in force, and what it kept comes."""
        self.ended: asyncio.Future[BusDown] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._connect.write())
        self._beat = self._loop.call_later(self._connect.keep_alive / 2, self._keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(BusDown(f"connection lost: {exc}" if exc else "connection lost"))

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        size, data = len(data), self._rest + data if self._rest else data
        try:
            at = self._read(data)
            self._rest = self._skim(data[at:]) if at < len(data) else b""
        except ValueError as e:
            self._fail(BusRefused(f"what the broker sends is not MQTT 5, which a loader needs: {e}"))
            return
        if self._arrivals:
            self._news.set()
        if self._makes_a_gulp():
            self._whole.set()
        if self._full():
            self._stopped = True
            self._pause()
        elif size < FLOOD and not self._paused:
            self._pause()
            self._loop.call_later(PAUSE_S, self._resume)

    async def gulp(self, linger: float) -> Gulped | None:
        """The oldest of what has come, None at the end of the connection."""
        await self._news.wait()
        if not self._whole.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(linger):
                    await self._whole.wait()
        if self.ended.done():
            return None
        number = GULP if self._bytes <= GULP_BYTES else _fitting(self._arrivals)
        gulped = Gulped(self, self._arrivals[:number], [i for i in self._ids[:number] if i])
        del self._arrivals[:number], self._ids[:number]
        self._bytes -= sum(map(_size, gulped.arrivals))
        if not self._arrivals:
            self._news.clear()
        if not self._makes_a_gulp():
            self._whole.clear()
        if self._stopped and not self._full():
            self._stopped = False
            self._resume()
        return gulped

    def acknowledge(self, ids: list[int]) -> None:
        """PUBACK of each, in one write."""
        if ids and self._transport is not None and not self.ended.done():
            self._transport.write(puback(ids))

    async def choose(self, filters: Sequence[str], not_any_more: Sequence[str]) -> None:
        """Subscribe and unsubscribe; BusDown where the broker does not answer, BusRefused where it says no."""
        codes: Sequence[int] = ()
        if not_any_more:
            number = next(self._numbers)
            await self._ask(number, mqtt5.UnsubscribePacket(number, list(not_any_more)).write())
        if filters:
            number = next(self._numbers)
            once = mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS
            wanted = [
                mqtt5.TopicFilter(f, max_qos=mqtt5.QoS.AT_LEAST_ONCE, retain_as_published=False, retain_handling=once)
                for f in filters
            ]
            codes = await self._ask(number, mqtt5.SubscribePacket(number, wanted).write())
        if no := [f for f, code in zip(filters, codes, strict=False) if code >= 0x80]:
            raise BusRefused(f"subscription refused by the broker: {', '.join(no)}")

    def goodbye(self, for_ever: bool) -> None:
        """DISCONNECT; the session stays for its time, or ends now."""
        if self._transport is not None and not self.ended.done():
            self._transport.write(mqtt5.DisconnectPacket(session_expiry_interval=0 if for_ever else None).write())
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection, if it is still there."""
        self._fail(BusDown("closed"))

    def _read(self, data: bytes) -> int:
        """Take whole packets; how many bytes they had."""
        at, read, publish = 0, mqtt5.read, mqtt5.PublishPacket
        arrivals, ids = self._arrivals, self._ids
        with memoryview(data) as view:
            while at < len(data):
                try:
                    packet, length = read(view[at:])
                except IndexError:
                    break
                except BaseException as e:  # noqa: BLE001 what is no finding about the packet is raised again
                    at += self._refuse(data[at:], fault_of(e))
                    continue
                at += length
                if type(packet) is publish:
                    topic, payload = packet.topic, packet.payload
                    arrivals.append(new(Arrival, (topic, payload, packet.retain, "")))
                    ids.append(packet.packet_id or 0)
                    self._bytes += len(topic) + len(payload)
                else:
                    self._hear(packet)
        return at

    def _refuse(self, data: bytes, why: str) -> int:
        """Take the first packet as a message that cannot be read, so that it does not end each connection anew."""
        arrival, number = refused(data, why)
        self._arrivals.append(arrival)
        self._ids.append(number)
        self._bytes += _size(arrival)
        found = extent(data)
        assert found is not None
        self._skip = max(0, found[1] - len(data))
        return min(found[1], len(data))

    def _skim(self, data: bytes) -> bytes:
        """What is kept of a packet until its rest has come: nothing where it is too large."""
        found = extent(data) if len(data) > LARGEST // 4 else None
        if found is None or found[1] - found[0] <= LARGEST:
            return data
        return data[self._refuse(data, f"{found[1] - found[0]} bytes: a loader takes {LARGEST} at most") :]

    def _hear(self, packet: object) -> None:
        match packet:
            case mqtt5.ConnAckPacket():
                if int(packet.reason_code):
                    self._fail(refusal(packet.reason_code, packet.reason_str))
                elif not self.opened.done():
                    self.opened.set_result(packet.session_present)
            case mqtt5.SubAckPacket() | mqtt5.UnsubAckPacket():
                answer = self._answers.pop(packet.packet_id, None)
                if answer is not None and not answer.done():
                    answer.set_result([int(code) for code in packet.reason_codes])
            case mqtt5.DisconnectPacket():
                self._fail(refusal(packet.reason_code, packet.reason_str))

    async def _ask(self, number: int, packet: bytes) -> Sequence[int]:
        if self.ended.done():
            raise self.ended.result()
        assert self._transport is not None
        answer: asyncio.Future[Sequence[int]] = self._loop.create_future()
        self._answers[number] = answer
        self._transport.write(packet)
        try:
            while not (await asyncio.wait({answer}, timeout=ANSWER_S))[0]:
                if not self._stopped:  # else the answer is behind messages that nobody takes
                    raise BusDown(f"SUBSCRIBE not answered within {ANSWER_S:g} s")
            return answer.result()
        finally:
            self._answers.pop(number, None)

    def _makes_a_gulp(self) -> bool:
        return len(self._arrivals) >= GULP or self._bytes >= GULP_BYTES

    def _full(self) -> bool:
        return len(self._arrivals) >= HELD or self._bytes >= HELD_BYTES

    def _pause(self) -> None:
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and self._paused and not self._stopped and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _keep_alive(self) -> None:
        """A broker that is read must be heard; one that we keep waiting need not."""
        if self._transport is None or self.ended.done():
            return
        if self._stopped:
            self._heard = self._loop.time()
        if self._loop.time() - self._heard > 2 * self._connect.keep_alive:
            self._fail(BusDown(f"nothing heard for {2 * self._connect.keep_alive} s"))
            return
        self._transport.write(mqtt5.PingReqPacket().write())
        self._beat = self._loop.call_later(self._connect.keep_alive / 2, self._keep_alive)

    def _fail(self, why: BusDown) -> None:
        self._end(why)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, why: BusDown) -> None:
        if self._beat is not None:
            self._beat.cancel()
        if not self.ended.done():
            self.ended.set_result(why)
        everybody: list[asyncio.Future[Any]] = [self.opened, *self._answers.values()]
        for waiting in everybody:
            if not waiting.done():
                waiting.set_exception(why)
                waiting.exception()  # nobody may be waiting any more
        self._news.set()
        self._whole.set()


def _size(arrival: Arrival) -> int:
    return len(arrival.topic) + len(arrival.payload)


def _fitting(arrivals: Sequence[Arrival]) -> int:
    """How many of the first make a gulp."""
    size = 0
    for number, arrival in enumerate(arrivals[:GULP]):
        size += _size(arrival)
        if size > GULP_BYTES:
            return max(1, number)
    return min(len(arrivals), GULP)
