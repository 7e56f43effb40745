"""The Bus over MQTT: connects, comes back by itself, and never queues what could not be sent."""

import asyncio
import logging
import random
import time
from types import TracebackType
from typing import Self

from trackerdcs.adapters.bus_mqtt_wire import ANSWER_S, Login, Wire
from trackerdcs.adapters.bus_queues import QUEUE, Connection, Edges, Subscription, Subscriptions
from trackerdcs.adapters.first_try import first_try
from trackerdcs.adapters.logins import login_of, tls_of
from trackerdcs.domain.errors import BusDown, BusRefused
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Lack, Will

KEEPALIVE_S = 10
RETRY_S, RETRY_LIMIT_S = 0.1, 5.0
ENTER_S, LEAVE_S = 2.0, 1.0

log = logging.getLogger(__name__)


class MqttBus:
    """The Bus of one client of an MQTT broker."""

    def __init__(
        self,
        config: BusConfig,
        client_id: str,
        will: Will | None = None,
        persistent: bool = False,
        lacks: frozenset[Lack] = frozenset(),
        *,
        login: str | None = None,
        queue: int = QUEUE,
        keepalive: int = KEEPALIVE_S,
    ) -> None:
        """Read the password of `login` and the CA from their files; ConfigError if one is missing."""
        self.lacks = lacks
        persistent = persistent and "persistent_sessions" not in lacks
        self._login = Login(
            config.host,
            config.port,
            client_id,
            not persistent,
            keepalive,
            *login_of(config, login),
            tls_of(config),
        )
        self._will = will
        self._name = f"{client_id} at {config.host}:{config.port}"
        self._subscriptions = Subscriptions(persistent, queue, self._renew)
        self._connection = Connection(self._name)
        self._wire: Wire | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._complaint = ""
        self._goodbye = False

    @property
    def connected(self) -> bool:
        return self._connection.up

    @property
    def dropped(self) -> int:
        return self._subscriptions.dropped

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        wire = self._wire
        if wire is None or not self.connected:
            raise BusDown(f"{self._name}: not connected, {topic} was not sent")
        await wire.publish(topic, payload, retain)

    def subscribe(self, *filters: str) -> Subscription:
        subscription = self._subscriptions.add(filters)
        if self._wire:
            self._wire.subscribe(list(filters))
        return subscription

    def connection(self) -> Edges:
        return self._connection.watch()

    def _renew(self) -> None:
        if self._wire:
            self._wire.leave()

    async def _stay_connected(self) -> None:
        wait = RETRY_S
        while True:
            try:
                lived = await self._live()
            except Exception:
                log.exception("%s: the attempt to connect broke", self._name)
                lived = 0.0
            self._tried.set()
            wait = RETRY_S if lived > RETRY_LIMIT_S else min(2 * wait, RETRY_LIMIT_S)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))

    async def _live(self) -> float:
        """One connection from the attempt to its end; how long it was up in s."""
        began = None
        why: BusDown | None = None
        self._subscriptions.renew()
        wire = Wire(self._login, self._last_will(), self._subscriptions)
        try:
            wire.open()
            async with asyncio.timeout(ANSWER_S):
                await wire.opened
            self._wire = wire
            wire.subscribe(self._subscriptions.filters())
            await wire.subscribed()
            began = time.monotonic()
            self._complaint = ""
            self._connection.set(True)
            self._tried.set()
            why = await asyncio.shield(wire.ended)
        except TimeoutError:
            why = BusDown(f"CONNECT not answered within {ANSWER_S} s")
        except BusDown as e:
            why = e
        finally:
            self._wire = None
            if why:
                self._connection.set(False, str(why))
            await wire.close(self._goodbye)
            del wire  # an exception's traceback may keep this frame for a while: paho's sockets must not live as long
        if began is None:
            self._complain(why)
            return 0.0
        return time.monotonic() - began

    def _last_will(self) -> tuple[str, bytes] | None:
        return (self._will.topic, self._will.payload("last will: connection lost")) if self._will else None

    def _complain(self, why: BusDown) -> None:
        """A refusal is always said, an unreachable broker only at the start: later its loss has been logged."""
        news = isinstance(why, BusRefused) or not self._tried.is_set()
        if news and str(why) != self._complaint:
            self._complaint = str(why)
            log.error("%s: %s", self._name, why)

    async def __aenter__(self) -> Self:
        """Return after the first try, successful or not, or after a moment."""
        self._task = asyncio.create_task(self._stay_connected())
        await first_try(self._task, self._tried, ENTER_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._goodbye = await self._say_goodbye()
        finally:
            if self._task:
                self._task.cancel()
                await asyncio.wait({self._task}, timeout=2 * LEAVE_S)
            self._connection.end()
            self._subscriptions.end()

    async def _say_goodbye(self) -> bool:
        """Publish the will; where that fails the connection ends without a goodbye, so that the broker does it."""
        if not (self._will and self.connected):
            return True
        try:
            payload = self._will.payload("stopped")
            await asyncio.wait_for(self.publish(self._will.topic, payload, retain=True), LEAVE_S)
        except (BusDown, TimeoutError) as e:
            log.warning("%s: left without saying so: %s", self._name, str(e) or "no acknowledgement")
            return False
        return True
