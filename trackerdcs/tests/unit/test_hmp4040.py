"""HMP4040: one selector and one general switch for four channels."""

import unittest

from trackerdcs.domain.errors import CommandRefused
from trackerdcs.tests.driver_cases import bench


class TestHmp4040(unittest.TestCase):
    def test_on_does_not_start_channels_that_wait_for_the_general_switch(self) -> None:
        b = self.enterContext(bench("hmp4040", "tcp"))
        for line in ("INST:NSEL 3", "VOLT 5", "OUTP:SEL ON"):
            b.sim.instrument.handle(line)
        with self.assertRaisesRegex(CommandRefused, "ch1 on would start ch3"):
            b.supply.switch("ch1", True)
        self.assertEqual([c["on"] for c in b.sim.truth().values()], [False] * 4)
        b.supply.switch("ch3", False)
        b.supply.switch("ch1", True)
        self.assertEqual([c["on"] for c in b.sim.truth().values()], [True, False, False, False])

    def test_a_channel_that_is_on_does_not_wait(self) -> None:
        b = self.enterContext(bench("hmp4040", "tcp"))
        for channel in ("ch2", "ch4"):
            b.supply.switch(channel, True)
        self.assertEqual([c["on"] for c in b.sim.truth().values()], [False, True, False, True])

    def test_somebody_at_the_front_panel_never_gets_a_value_onto_another_channel(self) -> None:
        b = self.enterContext(bench("hmp4040", "tcp"))
        for n in range(1, 5):
            b.supply.set_voltage(f"ch{n}", n)
        for exchange in range(32):
            b.link.before(exchange, lambda: b.sim.faults.set("front_panel", channel="ch2", i_limit=0.5))
            snapshot = b.driver.poll()
            for channel, values in snapshot.ch.items():
                if "v_set" in values:
                    self.assertEqual(values["v_set"], int(channel[2]), f"exchange {exchange}")
        self.assertEqual(b.driver.poll().bad, {})

    def test_trips_of_both_kinds_are_cleared(self) -> None:
        b = self.enterContext(bench("hmp4040", "tcp"))
        self.assertEqual(b.identity.model, "HMP4040")
        for line in ("INST:NSEL 2", "VOLT 20", "CURR 0.1", "FUSE ON", "FUSE:DEL 0", "OUTP ON"):
            b.sim.instrument.handle(line)
        b.sim.faults.set("trip", channel="ch3")
        states = {channel: values["state"] for channel, values in b.driver.poll().ch.items()}
        self.assertEqual(states, {"ch1": "off", "ch2": "tripped", "ch3": "tripped", "ch4": "off"})
        for channel in ("ch2", "ch3"):
            b.supply.clear_trip(channel)
            self.assertEqual(b.supply.read(channel)["state"], "off")
