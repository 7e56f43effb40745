"""iseg SHR: what it says and what it is told."""

import unittest

from trackerdcs.domain.errors import BadReply, CommandRefused, ReplyTimeout
from trackerdcs.drivers.iseg_shr import IsegShr
from trackerdcs.tests.driver_cases import bench
from trackerdcs.tests.scripted_link import ScriptedLink, Step

IDN = "iseg Spezialelektronik GmbH,SR042060r4050000200,8200002,1.12"
ROWS = (
    ":READ:VOLT?",
    ":READ:CURR?",
    ":MEAS:VOLT?",
    ":MEAS:CURR?",
    ":CONF:RAMP:VOLT:UP?",
    ":CONF:RAMP:VOLT:DOWN?",
    ":READ:CHAN:STAT?",
)
ONE = ("-2.0E2V", "1.0E-6A", "-1.0E2V", "-4.0E-9A", "1.0E1V/s", "2.0E1V/s")


def shr(*steps: Step) -> tuple[IsegShr, ScriptedLink]:
    link = ScriptedLink(("*IDN?", IDN), *steps)
    driver = IsegShr(link)
    driver.identify()
    return driver, link


def answers(where: str, *replies: str) -> list[Step]:
    return [(f"{row} (@{where})", reply) for row, reply in zip(ROWS, replies, strict=True)]


class TestIsegShr(unittest.TestCase):
    def test_a_poll_costs_one_exchange_a_quantity(self) -> None:
        driver, link = shr(*answers("0-3", *(",".join([reply] * 4) for reply in ONE), "0,8,24,16"))
        snapshot = driver.poll()
        self.assertEqual([snapshot.ch[c]["state"] for c in snapshot.ch], ["off", "on", "ramping_up", "ramping_down"])
        self.assertEqual(snapshot.ch["ch1"]["i_mon"], -4e-9)
        self.assertEqual(snapshot.bad, {})
        link.assert_done()

    def test_states_of_the_status_word(self) -> None:
        for status, state in [
            (0, "off"),
            (1 << 3, "on"),
            (1 << 3 | 1 << 4, "ramping_up"),
            (1 << 4, "ramping_down"),
            (1 << 13, "tripped"),
            (1 << 5, "tripped"),
            (1 << 12, "tripped"),
            (1 << 3 | 1 << 13, "tripped"),
        ]:
            with self.subTest(f"{status:b}"):
                driver, _ = shr(*answers("2", *ONE, str(status)))
                self.assertEqual(driver.read("ch2")["state"], state)

    def test_current_control_is_compliance(self) -> None:
        driver, _ = shr(*answers("2", *ONE, str(1 << 3 | 1 << 6)))
        read = driver.read("ch2")
        self.assertEqual((read["on"], read["compliance"], read["trip"], read["state"]), (True, True, False, "on"))

    def test_a_list_of_another_length_is_nobodys(self) -> None:
        replies = [",".join([reply] * 4) for reply in ONE]
        replies[2] = "-1.0E2V,-1.0E2V,-1.0E2V"
        steps = answers("0-3", *replies, "0,0,0,0")
        driver, link = shr(*steps[:3], *[("*IDN?", IDN)] * 4, *steps[3:])
        snapshot = driver.poll()
        self.assertEqual({c: set(why) for c, why in snapshot.bad.items()}, {f"ch{n}": {"v_mon"} for n in range(4)})
        link.assert_done()

    def test_volts_are_not_taken_for_amperes(self) -> None:
        driver, link = shr((":READ:VOLT? (@0)", "1.0E-6A"), ("*IDN?", "-2.0E2V"))
        with self.assertRaises(BadReply):
            driver.read("ch0")
        self.assertFalse(link.connected)

    def test_each_order_is_proven(self) -> None:
        driver, link = shr((":CURR 0.000000500,(@3);*OPC?", "1"), (":READ:CURR? (@3)", "5.00000E-7A"))
        self.assertEqual(driver.set_current_limit("ch3", 0.5e-6), 0.5e-6)
        link.assert_done()
        driver, link = shr((":CURR 0.000000500,(@3);*OPC?", ReplyTimeout("silence is a refusal")))
        with self.assertRaises(ReplyTimeout):
            driver.set_current_limit("ch3", 0.5e-6)
        driver, link = shr((":CURR 0.000000500,(@3);*OPC?", "0"))
        with self.assertRaises(BadReply):
            driver.set_current_limit("ch3", 0.5e-6)
        self.assertFalse(link.connected)

    def test_the_other_polarity_is_refused(self) -> None:
        for status, v in (("0", 50.0), ("1", -50.0)):
            driver, link = shr((":READ:CHAN:STAT? (@0)", status))
            with self.assertRaisesRegex(CommandRefused, "polarity"):
                driver.set_voltage("ch0", v)
            link.assert_done()
        driver, link = shr((":VOLT 0.00,(@0);*OPC?", "1"), (":READ:VOLT? (@0)", "0.0EV"))
        self.assertEqual(driver.set_voltage("ch0", 0), 0.0)
        link.assert_done()

    def test_both_ramps_are_checked_before_the_first_is_sent(self) -> None:
        driver, link = shr()
        with self.assertRaises(CommandRefused):
            driver.set_ramp("ch0", 10, 1000)
        link.assert_done()
        up, down = ":CONF:RAMP:VOLT:UP", ":CONF:RAMP:VOLT:DOWN"
        driver, link = shr(
            (f"{up} 10.00,(@0);*OPC?", "1"),
            (f"{up}? (@0)", "1.0E1V/s"),
            (f"{down} 20.00,(@0);*OPC?", "1"),
            (f"{down}? (@0)", "2.0E1V/s"),
        )
        self.assertEqual(driver.set_ramp("ch0", 10, 20), (10.0, 20.0))
        link.assert_done()

    def test_a_positive_module_is_positive_all_the_way(self) -> None:
        b = self.enterContext(bench("iseg_shr", "tcp"))
        b.sim.instrument.handle(":CONF:OUTP:POL p,(@1)")
        self.assertEqual(b.supply.set_voltage("ch1", 50.0), 50.0)
        with self.assertRaises(CommandRefused):
            b.supply.set_voltage("ch0", 50.0)
        self.assertEqual([b.sim.truth()[c]["v_set"] for c in ("ch0", "ch1")], [0.0, 50.0])
        self.assertEqual(b.driver.poll().ch["ch1"]["v_set"], 50.0)
