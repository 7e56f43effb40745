"""A loader's way in: an MQTT 5 session of its own, read in gulps.

Beside the paho-mqtt of `bus_mqtt` for two measured reasons (decision 0016): a Receive Maximum of 65534 takes the
broker's window of 20 messages away without touching its configuration, and one wake-up for many messages costs a tenth
of one for each.
"""

import asyncio
import logging
import math
import random
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from trackerdcs.adapters.first_try import first_try
from trackerdcs.adapters.inlet_wire import ANSWER_S, KEEPALIVE_S, Gulped, Wire
from trackerdcs.adapters.logins import login_of, tls_of
from trackerdcs.domain.errors import BusDown, BusRefused
from trackerdcs.domain.stand import BusConfig

RETRY_S, RETRY_LIMIT_S = 0.1, 5.0
SETTLED_S = 10.0
"""A connection that has stood for so long is one; longer than two that end each other's wait."""
FEW = 3
"""Connections that end soon before it is a fault."""
ENTER_S, LEAVE_S = 2.0, 1.0
UNANSWERED_S = 15.0
"""Without a connection for so long something is wrong with more than the moment."""

log = logging.getLogger(__name__)


class Mqtt5Inlet:
    """ports.Inlet of one client of an MQTT 5 broker; `former` are filters that its session may still have."""

    def __init__(
        self,
        config: BusConfig,
        client_id: str,
        filters: Sequence[str],
        former: Sequence[str] = (),
        keepalive: int = KEEPALIVE_S,
        login: str | None = None,
    ) -> None:
        self._config, self._client_id, self._keepalive = config, client_id, keepalive
        self._filters, self._former = list(filters), list(former)
        self._login, self._tls = login_of(config, login), tls_of(config)
        self._name = f"{client_id} at {config.host}:{config.port}"
        self._wire: Wire | None = None
        self._connected = asyncio.Event()
        self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._up: bool | None = None
        """What was said last; None if nothing was."""
        self._ousted = False
        """The last connection stood, and the broker ended it: the next one is believed when it has stood longer."""
        self._down_since = asyncio.get_running_loop().time()
        self._short = 0
        """Connections in a row that stood and did not settle."""
        self._leaving = False
        self.fault: str | None = None

    async def gulp(self, linger: float) -> Gulped:
        """What has come; waits for a connection, and for a message."""
        while True:
            await self._connected.wait()
            if self._wire is not None and (gulped := await self._wire.gulp(linger)) is not None:
                return gulped
            await asyncio.sleep(0)  # the connection has ended: its end is seen to before the next look

    async def leave(self) -> None:
        """As ports.Inlet says; returns when the broker has agreed."""
        self._former, self._filters = [*self._former, *self._filters], []
        while True:
            await self._connected.wait()
            wire = self._wire
            if wire is not None:
                try:
                    await wire.choose(self._filters, self._former)
                    return
                except BusDown as e:
                    log.debug("%s: %s", self._name, e)
            await asyncio.sleep(RETRY_S)

    async def _stay_connected(self) -> None:
        wait = RETRY_S
        while not self._leaving:
            try:
                stood = await self._live()
            except Exception as e:  # noqa: BLE001 a host that is no name, or a bug: shown, and tried again
                stood = 0.0
                self._say_down(BusRefused(f"{type(e).__name__}: {e}"))
            self._tried.set()
            # Two of one name end each other's connections: they must not do so as fast as they can.
            wait = RETRY_S if stood >= SETTLED_S else min(2 * wait, RETRY_LIMIT_S)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))

    async def _live(self) -> float:
        """One connection from the attempt to its end; for how many seconds it stood."""
        loop, since, settled = asyncio.get_running_loop(), math.inf, None
        wire = Wire(self._client_id, *self._login, self._keepalive)
        try:
            async with asyncio.timeout(ANSWER_S):
                await loop.create_connection(lambda: wire, self._config.host, self._config.port, ssl=self._tls)
                session = await wire.opened
            self._wire = wire
            self._connected.set()  # what the session has kept comes before the answer to SUBSCRIBE, and has to be taken
            if session:
                self._tried.set()
            await wire.choose(self._filters, self._former)
            since = loop.time()
            if self._ousted:
                settled = loop.call_later(SETTLED_S, self._say_up)
            else:
                self._say_up()
            self._tried.set()
            await asyncio.shield(wire.ended)
            raise wire.ended.result()
        except TimeoutError:
            self._say_down(BusDown(f"CONNECT not answered within {ANSWER_S:g} s"))
        except (BusDown, OSError) as e:
            self._say_down(self._judged(e, loop.time() - since), since < math.inf)
        finally:
            if settled is not None:
                settled.cancel()
            self._wire = None
            self._connected.clear()
            wire.abort()
        return max(0.0, loop.time() - since)

    def _judged(self, why: Exception, stood: float) -> Exception:
        """Mosquitto does not say so (seen with 2.0.11) when another client of the same name takes the session."""
        self._short = self._short + 1 if 0 <= stood < SETTLED_S else 0
        if self._short < FEW or isinstance(why, BusRefused):
            return why
        return BusRefused(f"{why}, again soon after it was up: another loader of this name? Each needs its own, --name")

    def _say_up(self) -> None:
        log.info("%s: connected", self._name)
        self._up, self._ousted, self.fault = True, False, None

    def _say_down(self, why: Exception, stood: bool = False) -> None:
        """One line each way; a refusal is a fault that somebody has to mend."""
        if self._leaving:
            log.info("%s: disconnected", self._name)
            return
        now = asyncio.get_running_loop().time()
        if self._up:
            self._down_since = now
        text = f"{self._name}: {why}"
        # Whoever reads the fault hears it from the same broker: it answers others, but not this client.
        fault = text if isinstance(why, BusRefused) or now - self._down_since > UNANSWERED_S else None
        if self._up is not False or fault not in (None, self.fault):
            log.warning("%s", text)
        self._up, self.fault = False, fault
        self._ousted = fault is not None and stood

    async def __aenter__(self) -> Self:
        """Return after the first try, successful or not, or after a moment."""
        self._task = asyncio.create_task(self._stay_connected())
        await first_try(self._task, self._tried, ENTER_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye; the session stays, unless it has been left and nothing has interrupted that."""
        self._leaving = True
        if self._wire is not None:
            self._wire.goodbye(for_ever=not self._filters and kind is None)
            await asyncio.wait({self._wire.ended}, timeout=LEAVE_S)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=LEAVE_S)
