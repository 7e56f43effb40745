"""A kill: by topic, by socket, whatever else the service is busy with. Each case for each high-voltage supply."""

import unittest

from trackerdcs.adapters.bus_queues import Received
from trackerdcs.domain.messages import Event
from trackerdcs.sim.iseg_shr import IsegShr
from trackerdcs.sim.world import World
from trackerdcs.tests import kill_suite
from trackerdcs.tests.device_bench import config_for, device_bench
from trackerdcs.tests.kill_suite import kill
from trackerdcs.tests.long import LONG
from trackerdcs.tests.sim_stand import running

BRIEF = {kill_suite.ByTopic: "iseg_shr", kill_suite.BySocket: "keithley2410", kill_suite.Stuck: "keithley2410"}
"""Which supply takes a case in the default run; in the long one each takes all."""

for case, brief in BRIEF.items():
    for supply in ("iseg_shr", "keithley2410") if LONG else (brief,):
        name = f"{case.__name__}_{supply}"
        globals()[name] = type(name, (case,), {"name": supply, "__module__": __name__})
del case  # by this name it would be found as a test without a supply


class Refused(unittest.IsolatedAsyncioTestCase):
    async def test_rule_08_a_retained_kill_and_one_of_a_foreign_user_are_events_and_no_kills(self) -> None:
        with running(IsegShr(World())) as sim:
            config = config_for("iseg_shr", sim.resource)
            async with device_bench(config, users={"web": "shifter"}) as bench:

                def events(name: str) -> list[Event]:
                    return [e for e in bench.events if e.event == name]

                await bench.command("set_voltage", v=-20.0)
                await kill(bench, user="stranger")
                await bench.until(lambda: events("kill_refused"), "refused")
                self.assertIn("stranger", events("kill_refused")[0].why or "")
                assert bench.loop is not None and bench.loop.kills is not None
                bench.loop.kills.take(Received("dcs/v1/s/kill/web", b"down", True, lambda: None))
                await bench.until(lambda: len(events("kill_refused")) == 2, "refused")
                self.assertIn("retain", events("kill_refused")[1].why or "")
                self.assertEqual(events("killed"), [])
                await kill(bench, user="web")
                await bench.until(lambda: events("kill_ended"), "kill")


if __name__ == "__main__":
    unittest.main()
