"""For tests: the channels of a supply without a wire, polled and commanded by hand."""

import asyncio
import unittest
from unittest.mock import patch

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.app import mover, way_down
from trackerdcs.app.power import Power
from trackerdcs.app.worker import Worker
from trackerdcs.domain.instrument import Snapshot
from trackerdcs.domain.stand import ChannelConfig
from trackerdcs.tests.supplies import Obedient, Values, calls


class PowerCase(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.worker = Worker("t")
        self.addCleanup(self.worker.stop)
        for module, name, seconds in (
            (mover, "LOOK", 0.01),
            (mover, "STUCK", 5.0),
            (way_down, "RETRY", 0.01),
            (way_down, "PATIENCE", 0.2),
        ):
            self.enterContext(patch.object(module, name, seconds))
        self.events, self.latched = list[tuple[str, str]](), dict[str, str | None]()
        self.intents: list[tuple[str | None, str | None]] = []
        self.why: str | None = None
        self.use(Obedient())

    def use(self, supply: Obedient) -> None:
        self.supply = supply
        config = {"ch0": ChannelConfig(-800.0, 0.0, 1e-5, ramp_up=500.0, ramp_down=500.0)}
        self.power = Power(
            supply,
            self.worker,
            config,
            SystemClock(),
            calls(
                report=lambda event, ch, why: self.events.append((event, why)),
                latch=self.latched.__setitem__,
                blocked=lambda ch: self.why,
                intend=lambda ch, intent, cause: self.intents.append((intent, cause)),
            ),
        )

    def poll(self) -> None:
        self.power.poll_begins()
        self.power.judged(Snapshot({"ch0": self.supply.read("ch0")}))

    async def rising(self, target: float = -400.0) -> asyncio.Task[Values]:
        """A channel on its way up."""
        await self.power.execute("set_voltage", "ch0", {"v": target})
        self.poll()
        moving = asyncio.create_task(self.power.execute("on", "ch0", {}))
        await self.until(lambda: self.supply.is_on and self.supply.v < -6.0)
        return moving

    async def until(self, condition: object) -> None:
        async with asyncio.timeout(5):
            while not condition():  # type: ignore[operator]
                await asyncio.sleep(0.005)
