"""One MQTT 3.1.1 connection with paho-mqtt. A new client for each, so that nothing is carried from one to the next."""

import asyncio
import logging
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from trackerdcs.adapters.bus_queues import Subscriptions
from trackerdcs.domain.errors import BusDown, BusRefused

ANSWER_S = 5.0
"""A broker that does not answer CONNECT or SUBSCRIBE within this time is left."""
CLOSE_S = 1.0
SELECTABLE = 1024
"""select(), with which paho-mqtt waits, takes no file number from here on (FD_SETSIZE of Linux)."""

Answer = asyncio.Future[list[ReasonCode]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Login:
    """Where to connect, and as whom."""

    host: str
    port: int
    client_id: str
    clean: bool
    keepalive: int
    user: str | None
    password: str | None
    tls: ssl.SSLContext | None


class Wire:
    """One connection from the attempt to its end. paho's thread does nothing but hop to the event loop."""

    def __init__(self, login: Login, last_will: tuple[str, bytes] | None, subscriptions: Subscriptions) -> None:
        self._login, self._subscriptions = login, subscriptions
        self._client = client = _client(login)
        if last_will:
            client.will_set(*last_will, qos=1, retain=True)
        self._loop = asyncio.get_running_loop()
        self._answers: dict[int, Answer] = {}
        self._pending: set[asyncio.Task[None]] = set()
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[BusDown] = self._loop.create_future()
        client.on_connect = lambda _c, _u, _flags, code, _p: self._hop(self._connected, code)
        client.on_socket_open = lambda _c, _u, wire: self._opened(wire)
        # paho calls this inside its `except`, and tells the cause in no other way.
        client.on_connect_fail = lambda _c, _u: self._not_connected(sys.exc_info()[1])
        client.on_disconnect = lambda _c, _u, _flags, code, _p: self._hop(self._end, _lost(code))
        client.on_publish = lambda _c, _u, mid, code, _p: self._hop(self._answer, mid, [code])
        client.on_subscribe = lambda _c, _u, mid, codes, _p: self._hop(self._answer, mid, codes)
        client.on_message = lambda _c, _u, message: self._hop(self._receive, message)

    def open(self) -> None:
        """Start paho's thread, which connects; `opened` or `ended` will tell."""
        self._client.connect_async(self._login.host, self._login.port, self._login.keepalive)
        self._client.loop_start()

    def subscribe(self, filters: list[str]) -> None:
        """Ask for filters; a refusal ends the connection, `subscribed` returns when all are granted."""
        if filters:
            result, mid = self._client.subscribe([(f, 1) for f in filters])
            task = asyncio.create_task(self._granted(filters, self._expect(result, mid)))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    async def subscribed(self) -> None:
        """Return when all that was asked for is in force; BusDown if the connection ends before."""
        while self._pending:
            await asyncio.wait(self._pending)
        if self.ended.done():
            raise self.ended.result()

    async def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """Return at the broker's acknowledgement; BusDown if the connection ends before."""
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        await self._expect(sent.rc, sent.mid)

    def leave(self) -> None:
        """Say goodbye to the broker; `ended` will tell."""
        self._client.disconnect()

    async def close(self, clean: bool) -> None:
        """End the connection; without a goodbye (`clean` False) the broker publishes the last will."""
        if clean:
            self.leave()
            await asyncio.wait({self.ended}, timeout=CLOSE_S)
        if not self.ended.done():
            self.fail(BusDown("closed"))

    def abort(self) -> None:
        """Close the socket under paho, which then ends by itself."""
        wire = self._client.socket()
        if wire is None:
            self._client.disconnect()
            return
        try:
            socket.socket.shutdown(
                cast(socket.socket, wire), socket.SHUT_RDWR
            )  # below TLS, which paho's thread may be using
        except OSError as e:
            log.debug("socket was closed already: %s", e)

    def fail(self, why: BusDown) -> None:
        """Give this connection up."""
        self._end(why)
        self.abort()

    async def _granted(self, filters: list[str], answer: Answer) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                codes = await answer
        except TimeoutError:
            self.fail(BusDown(f"SUBSCRIBE not answered within {ANSWER_S} s"))
        except BusDown as e:
            self._end(e)
        else:
            if no := [f for f, code in zip(filters, codes, strict=True) if code.is_failure]:
                self.fail(BusRefused(f"subscription refused by the broker: {', '.join(no)}"))

    def _expect(self, result: MQTTErrorCode, mid: int | None) -> Answer:
        answer: Answer = self._loop.create_future()
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None or self.ended.done():
            answer.set_exception(BusDown(f"not sent: {MQTTErrorCode(result).name}"))
        else:
            self._answers[mid] = answer
            answer.add_done_callback(lambda _: self._answers.pop(mid, None))
        return answer

    def _hop(self, handle: Callable[..., None], *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(handle, *args)
        except RuntimeError:
            self._client.disconnect()  # the event loop is closed: nobody is left to tell

    def _not_connected(self, cause: BaseException | None) -> None:
        self._hop(self._end, BusDown(f"cannot connect: {cause}"))
        self._client.disconnect()  # else paho's thread would linger for a second

    def _opened(self, wire: Any) -> None:
        # Else the kernel may hold a small packet back for 40 ms, until an earlier one is confirmed: long for a kill.
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if wire.fileno() >= SELECTABLE:
            why = f"this process has {SELECTABLE} files open: paho-mqtt's thread would end without a word"
            self._hop(self._end, BusDown(why))

    def _connected(self, code: ReasonCode) -> None:
        if code.is_failure:
            self._end(BusRefused(f"login refused by the broker: {code}"))
        elif not self.opened.done():
            self.opened.set_result(None)

    def _answer(self, mid: int, codes: list[ReasonCode]) -> None:
        answer = self._answers.get(mid)
        if answer and not answer.done():
            answer.set_result(codes)

    def _receive(self, message: MQTTMessage) -> None:
        def acknowledge() -> None:
            if not self.ended.done():
                self._client.ack(message.mid, message.qos)

        try:
            self._subscriptions.dispatch(message.topic, bytes(message.payload), message.retain, acknowledge)
        except Exception:
            self._subscriptions.dropped += 1
            log.exception("message on %r was not taken", message._topic)

    def _end(self, why: BusDown) -> None:
        if not self.ended.done():
            self.ended.set_result(why)
            self._let_go()
        everybody: list[asyncio.Future[Any]] = [self.opened, *self._answers.values()]
        for waiting in everybody:
            if not waiting.done():
                waiting.set_exception(type(why)(str(why)))
                waiting.exception()  # a publisher may have gone away

    def _let_go(self) -> None:
        """paho's client, and with it its sockets, goes when its thread ends: no reference leads back from it to us."""
        client = self._client
        client.on_connect_fail = client.on_disconnect = client.on_publish = None
        client.on_subscribe = client.on_message = client.on_socket_open = None
        client.on_connect = lambda c, *_: c.disconnect()  # given up while paho was still connecting


def _lost(code: ReasonCode) -> BusDown:
    return BusDown("connection lost" if code == "Unspecified error" else f"connection lost: {code}")


def _client(login: Login) -> Client:
    client = Client(
        CallbackAPIVersion.VERSION2,
        login.client_id,
        clean_session=login.clean,
        protocol=MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = ANSWER_S
    client.max_inflight_messages_set(0)
    if login.user:
        client.username_pw_set(login.user, login.password)
    if login.tls:
        client.tls_set_context(login.tls)
    return client
