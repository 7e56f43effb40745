"""A broker and its clients in memory, with the faults that a real one has. For tests, within one event loop."""

import asyncio
import itertools
from types import TracebackType
from typing import Self

from trackerdcs.adapters.bus_queues import QUEUE, Connection, Edges, Subscription, Subscriptions
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.topics import matches
from trackerdcs.ports import Lack, Will

RETRY_S = 0.01

Message = tuple[str, bytes, bool]
"""Topic, payload, retained."""


class Session:
    """What the broker knows about a client: filters, messages not yet acknowledged, the connection if there is one."""

    def __init__(self, persistent: bool) -> None:
        self.persistent = persistent
        self.filters: set[str] = set()
        self.unacknowledged: dict[int, Message] = {}
        self.bus: MemoryBus | None = None
        self.last_will: tuple[str, bytes] | None = None


class MemoryBroker:
    """A broker whose connections can be cut, that can be stopped, and that can keep its acknowledgements to itself."""

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.acknowledges = True
        self.running = True
        self._sessions: dict[str, Session] = {}
        self._ids = itertools.count()

    def connect(self, bus: "MemoryBus") -> Session:
        """Take a client in; another connection of the same client id ends."""
        if not self.running:
            raise BusDown("the broker is stopped")
        self.cut(bus.client_id)
        session = self._sessions.get(bus.client_id)
        if session is None or not (session.persistent and bus.persistent):
            session = self._sessions[bus.client_id] = Session(bus.persistent)
        session.bus = bus
        for id, message in session.unacknowledged.items():
            bus.receive(session, id, message)
        return session

    def subscribe(self, session: Session, filters: list[str]) -> None:
        """Add filters and send what is retained under them."""
        session.filters.update(filters)
        for topic, payload in self.retained.items():
            if any(matches(f, topic) for f in filters):
                self._send(session, (topic, payload, True))

    def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """Give a message to all sessions that want it."""
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        for session in list(self._sessions.values()):
            if any(matches(f, topic) for f in session.filters):
                self._send(session, (topic, payload, False))

    def _send(self, session: Session, message: Message) -> None:
        id = next(self._ids)
        session.unacknowledged[id] = message
        if session.bus:
            session.bus.receive(session, id, message)

    def leave(self, client_id: str) -> None:
        """A client says goodbye: no last will."""
        session = self._sessions[client_id]
        session.bus = session.last_will = None
        if not session.persistent:
            del self._sessions[client_id]

    def cut(self, client_id: str) -> None:
        """Fault: the connection of a client ends without a goodbye, and its last will is published."""
        session = self._sessions.get(client_id)
        if session is None or session.bus is None:
            return
        bus, will = session.bus, session.last_will
        self.leave(client_id)
        if will:
            self.publish(*will, True)
        bus.lost("connection cut")

    def stop(self) -> None:
        """Fault: the broker dies. Retained messages and persistent sessions are kept, no last will is published."""
        self.running = False
        for client_id, session in list(self._sessions.items()):
            if bus := session.bus:
                self.leave(client_id)
                bus.lost("the broker is stopped")

    def start(self) -> None:
        """The broker is there again."""
        self.running = True


class MemoryBus:
    """The Bus of one client of a MemoryBroker."""

    lacks: frozenset[Lack] = frozenset({"shared_subscriptions"})

    def __init__(
        self,
        broker: MemoryBroker,
        client_id: str,
        will: Will | None = None,
        persistent: bool = False,
        queue: int = QUEUE,
    ) -> None:
        self._broker, self.client_id, self._will, self.persistent = broker, client_id, will, persistent
        self._subscriptions = Subscriptions(persistent, queue, self._renew)
        self._connection = Connection(client_id)
        self._session: Session | None = None
        self._connections = 0
        self._retry: asyncio.Task[None] | None = None
        self._unanswered: set[asyncio.Future[None]] = set()

    @property
    def connected(self) -> bool:
        return self._connection.up

    @property
    def dropped(self) -> int:
        return self._subscriptions.dropped

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if not self.connected:
            raise BusDown(f"{self.client_id}: not connected, {topic} was not sent")
        self._broker.publish(topic, payload, retain)
        if self._broker.acknowledges:
            await asyncio.sleep(0)
            return
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unanswered.add(answer)
        try:
            await answer
        finally:
            self._unanswered.discard(answer)

    def subscribe(self, *filters: str) -> Subscription:
        subscription = self._subscriptions.add(filters)
        if self._session:
            self._broker.subscribe(self._session, list(filters))
        return subscription

    def connection(self) -> Edges:
        return self._connection.watch()

    def receive(self, session: Session, id: int, message: Message) -> None:
        """From the broker: a message of this connection."""
        connection = self._connections

        def acknowledge() -> None:
            if self._session and self._connections == connection:
                session.unacknowledged.pop(id, None)

        self._subscriptions.dispatch(*message, acknowledge)

    def lost(self, why: str) -> None:
        """From the broker: the connection has ended."""
        self._session = None
        self._connection.set(False, why)
        for answer in self._unanswered:
            if not answer.done():
                answer.set_exception(BusDown(f"{self.client_id}: {why} before the acknowledgement"))
        self._retry = asyncio.create_task(self._come_back())

    def _renew(self) -> None:
        if self.connected:
            self._broker.leave(self.client_id)
            self.lost("left")

    def _connect(self) -> None:
        self._subscriptions.renew()
        self._connections += 1
        session = self._broker.connect(self)
        self._session = session
        if self._will:
            session.last_will = (self._will.topic, self._will.payload("last will: connection lost"))
        self._broker.subscribe(session, self._subscriptions.filters())
        self._connection.set(True)

    async def _come_back(self) -> None:
        while not self.connected:
            await asyncio.sleep(RETRY_S)
            if self._broker.running:
                self._connect()

    async def __aenter__(self) -> Self:
        if self._broker.running:
            self._connect()
        else:
            self._retry = asyncio.create_task(self._come_back())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._retry:
            self._retry.cancel()
            await asyncio.wait({self._retry})
        if self.connected:
            if self._will:
                self._broker.publish(self._will.topic, self._will.payload("stopped"), True)
            self._session = None
            self._broker.leave(self.client_id)
        self._subscriptions.end()
        self._connection.end()
