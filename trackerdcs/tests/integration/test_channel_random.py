"""Whatever comes, in whatever order: never higher than asked, never steeper, off when told, one end to each command."""

import asyncio
import unittest
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from trackerdcs.domain.stand import DeviceConfig
from trackerdcs.sim.instrument import Instrument
from trackerdcs.sim.keithley2410 import Keithley2410
from trackerdcs.sim.world import World
from trackerdcs.tests.driver_cases import TIMEOUT
from trackerdcs.tests.long import LONG, long
from trackerdcs.tests.random_play import ACTS, RATE, Act, Play, wrong
from trackerdcs.tests.sim_stand import running
from trackerdcs.tests.stand_bench import BOX as HUMID
from trackerdcs.tests.stand_bench import StandCase
from trackerdcs.tests.whole_trace import WholeTrace

BROKEN = [Act("late_tail", 1), Act("go", 120, 0.3), Act("drop", 1), Act("off"), Act("go", 40, 0.4), Act("restart")]
STOPPED = [
    *(Act("set_voltage", 60, 0.2), Act("open", pause=0.2), Act("clear_trip"), Act("ok", pause=0.2)),
    *(Act("restart"), Act("clear_trip"), Act("go", 50, 0.3), Act("kill", pause=0.3), Act("on")),
]
CALM = settings(
    max_examples=60,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate) if LONG else (Phase.explicit,),  # what depends on time does not shrink
    suppress_health_check=list(HealthCheck),
)


class RandomCase(StandCase):
    """One supply of high voltage, protected by an interlock."""

    def hv_config(self, **changes: Any) -> DeviceConfig:
        config = super().hv_config(**{"module": None, "kill_rate": RATE, "t_unknown": 1.0} | changes)
        return replace(config, link=replace(config.link, timeout=TIMEOUT))

    def test_whatever_comes(self) -> None:
        @CALM
        @given(st.lists(ACTS, min_size=6, max_size=25))
        @example(BROKEN)
        @example(STOPPED)
        def check(acts: list[Act]) -> None:
            self.assertEqual(asyncio.run(self.play(acts)), [])

        check()

    async def play(self, acts: list[Act]) -> list[str]:
        with running(self.high_voltage()) as self.hv_sim, WholeTrace(self.hv_sim) as trace:
            async with self.stand({"box": HUMID}) as stand:
                play = Play(stand, self.hv_sim)
                await play.perform(acts)
        return wrong(play, trace)


@long
class TestIseg(RandomCase): ...


class Test2410(RandomCase):
    def high_voltage(self) -> Instrument:
        return Keithley2410(World())

    def hv_config(self, **changes: Any) -> DeviceConfig:
        config = super().hv_config(**changes)
        return replace(config, driver="keithley2410", channels={"ch0": config.channels["ch0"]})


del RandomCase, StandCase  # cases without a supply are no tests

if __name__ == "__main__":
    unittest.main()
