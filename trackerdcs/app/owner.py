"""The one owner of an instrument: connects, makes sure who answers, reads, and says what keeps it from reading."""

import asyncio
import logging

from trackerdcs.app.backoff import Backoff
from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.worker import Priority, Worker
from trackerdcs.domain.errors import ConfigError, DeviceError, LinkError, NotConnected, ReplyTimeout, WrongDevice
from trackerdcs.domain.instrument import Channel, Identity, Snapshot
from trackerdcs.domain.stand import DeviceConfig
from trackerdcs.ports import Clock, Driver, Link

PATIENCE = 5.0
"""Seconds (three periods, if longer) after which a poll that hangs counts as failed."""

log = logging.getLogger(__name__)


class Owner:
    """Link, driver and worker of one instrument. Nothing here ever writes to it."""

    def __init__(
        self, device: str, config: DeviceConfig, driver: Driver, link: Link, worker: Worker, clock: Clock
    ) -> None:
        self._device, self._config = device, config
        self._driver, self._link, self._worker, self._clock = driver, link, worker, clock
        self._backoff = Backoff(0.5, 30.0)
        self._retry_at = 0.0
        self._exchange: asyncio.Future[Snapshot] | None = None
        self._edge = EdgeLog(log)
        self.identity: Identity | None = None
        """Who answered at the last connect; None until the first."""
        self.fault: str | None = "not connected yet"
        """Why the last poll failed."""
        self.connects = 0

    async def snapshot(self, channels: dict[str, Channel]) -> Snapshot:
        """One poll; what fails is in `bad`. Raises only ConfigError: a wrong instrument at the start."""
        late = self._exchange is not None  # what an earlier poll left hanging must end first
        exchange = self._exchange = self._exchange or asyncio.ensure_future(self._read(channels))
        done, _ = await asyncio.wait({exchange}, timeout=max(PATIENCE, 3 * self._config.period))
        if not done:
            return self._failed("the link hangs", channels)
        self._exchange = None
        try:
            snapshot = exchange.result()
            if late:  # its first values may be as old as the hang is long
                raise ReplyTimeout("the poll took too long")
        except (LinkError, DeviceError) as e:
            return self._failed(str(e), channels)
        except ConfigError:
            raise
        except Exception as e:
            why = f"fault in the driver: {e!r}"
            if why != self.fault:
                log.exception("%s: poll", self._device)
            return self._failed(why, channels)
        self._backoff.reset()
        self._retry_at = 0.0
        self.fault = None
        self._edge.ok("link", f"{self._device}: the instrument answers again")
        return Snapshot(
            {ch: values for ch, values in snapshot.ch.items() if ch in channels},
            {ch: reasons for ch, reasons in snapshot.bad.items() if ch in channels},
            {ch: reasons for ch, reasons in snapshot.unc.items() if ch in channels},
        )

    def hurry(self) -> None:
        """Connect at the next poll: somebody waits for the instrument."""
        self._backoff.reset()
        self._retry_at = 0.0

    async def close(self) -> None:
        """Let the job in progress end, then leave the instrument as it is."""
        if self._exchange is not None:
            self._exchange.cancel()
        self._worker.stop()
        if await asyncio.to_thread(self._worker.join, 1.0):
            self._link.drop()

    async def _read(self, channels: dict[str, Channel]) -> Snapshot:
        if not self._link.connected:
            await self._connect()
        return await self._worker.run(Priority.POLL, lambda: self._driver.poll(channels))

    async def _connect(self) -> None:
        now = self._clock.monotonic()
        if now < self._retry_at:
            raise NotConnected(self.fault or "not connected")
        self._retry_at = now + self._backoff.next()
        await self._worker.run(Priority.POLL, self.reach)

    def reach(self) -> None:
        """On the worker's thread: connect if need be, and make sure that it is the instrument of the stand file."""
        if self._link.connected:
            return
        self._link.connect()
        try:
            identity = self._driver.identify()
            self._check(identity)
        except Exception:
            self._link.drop()
            raise
        self.identity = identity
        self.connects += 1
        if self.connects == 1:
            log.info("%s: %s", self._device, identity)

    def _check(self, found: Identity) -> None:
        wrong = None
        if found.sim != self._config.sim:
            kind = {True: "simulated", False: "real"}
            wrong = (
                f"sim: the stand file says {kind[self._config.sim]}, "
                f"{found.model} {found.serial} says {kind[found.sim]}"
            )
        elif self._config.serial not in (None, found.serial):
            wrong = f"serial: the stand file says {self._config.serial}, the instrument says {found.serial}"
        elif self.identity and (found.model, found.serial) != (self.identity.model, self.identity.serial):
            wrong = f"another instrument answers: {found.model} {found.serial}"
        if wrong and self.identity is None:
            raise ConfigError(f"devices.{self._device}.{wrong}")
        if wrong:
            raise WrongDevice(wrong)

    def _failed(self, why: str, channels: dict[str, Channel]) -> Snapshot:
        self._edge.fail("link", f"{self._device}: {why}")
        self.fault = why
        return Snapshot({}, {ch: dict.fromkeys(c.quantities, why[:200]) for ch, c in channels.items()})
