"""A broker in this process, with amqtt: for one machine, without logins, reachable from 127.0.0.1 only."""

import asyncio
import logging
import socket
from types import TracebackType
from typing import Self

from amqtt.broker import Broker
from amqtt.errors import AMQTTError
from amqtt.session import Session

from trackerdcs.domain.errors import ConfigError
from trackerdcs.ports import Lack

STOP_S = 1.0

log = logging.getLogger(__name__)


class QuietBroker(Broker):  # type: ignore[misc]
    """amqtt sends to each new client what is retained under the filters of all others, and breaks when these change."""

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        if any(own.client_id == session.client_id for own, _ in self.subscriptions.get(subscription[0], [])):
            await super()._publish_retained_messages_for_subscription(subscription, session)


class EmbeddedBroker:
    """Used as `async with`; what it retains is gone when it stops."""

    lacks: frozenset[Lack] = frozenset({"persistent_sessions", "take_over", "shared_subscriptions"})

    def __init__(self, host: str = "127.0.0.1", port: int = 1883) -> None:
        if not host.startswith("127."):
            raise ConfigError(f"bus.host: the embedded broker has no logins and listens on 127.0.0.1 only, got {host}")
        self.host, self.port = host, port
        self._broker: Broker | None = None

    async def __aenter__(self) -> Self:
        """Listen; ConfigError if somebody else does already."""
        try:
            socket.create_server((self.host, self.port)).close()
        except OSError as e:
            raise ConfigError(
                f"bus.port: the embedded broker cannot listen on {self.host}:{self.port}: {e.strerror}"
            ) from e
        for library in ("amqtt", "transitions"):
            logging.getLogger(library).setLevel(logging.ERROR)
        self._broker = QuietBroker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{self.host}:{self.port}"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )
        try:
            await self._broker.start()
        except AMQTTError as e:
            raise ConfigError(f"bus.port: the embedded broker cannot listen on {self.host}:{self.port}: {e}") from e
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        broker, self._broker = self._broker, None
        if broker:
            try:
                async with asyncio.timeout(STOP_S):
                    await broker.shutdown()
            except TimeoutError:
                log.warning("embedded broker: not stopped within %s s", STOP_S)
