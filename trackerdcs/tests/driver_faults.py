"""What goes wrong on a wire never makes a driver show a stale value, another channel's, or an unknown one."""

import signal
import subprocess
import sys
from typing import Any

from trackerdcs.domain.errors import LinkError
from trackerdcs.tests.driver_cases import TIMEOUT, Bench, SupplyCase, orders

LATE = 1.5 * TIMEOUT
"""Later than the link waits, but while it listens after the next connect: a serial port cannot do better."""
FAULTS: dict[str, dict[str, Any]] = {
    "late": {"delay": LATE},
    "drop": {},
    "partial": {"keep": 1},
    "late_tail": {"keep": 1, "delay": LATE},
    "garbage": {},
    "double": {},
    "close": {},
    "reset": {},
}
POLL_FOR_EVER = """
import sys
from trackerdcs.drivers.registry import driver_class
from trackerdcs.tests.driver_cases import link_to
name, kind, resource = sys.argv[1:]
link = link_to(name, kind, resource)
driver = driver_class(name)(link)
link.connect()
driver.identify()
while True:
    driver.poll()
    print("polled", flush=True)
"""


class SupplyFaults(SupplyCase):
    """Faults in the middle of a poll."""

    times_out = True

    def test_a_fault_never_shows_a_stale_or_anothers_value(self) -> None:
        b = self.bench()
        self.prepare(b)
        before = b.link.exchanges
        b.driver.poll()
        exchanges = b.link.exchanges - before
        for i, (fault, args) in enumerate(FAULTS.items()):
            with self.subTest(fault):
                self.strike(b, fault, args, after=(i * 5 + 2) % exchanges)

    def strike(self, b: Bench, fault: str, args: dict[str, Any], after: int) -> None:
        """A fault in the middle of a poll; everything that is called good until all is well again is true."""
        b.link.before(after, lambda: b.sim.faults.set(fault, times=1, **args))
        faults = 0
        for _ in range(4):
            try:
                if not b.link.connected:
                    b.reconnect()
                snapshot = b.driver.poll()
            except LinkError:
                faults += 1
                self.assertFalse(b.link.connected, "a fault ends the connection")
            else:
                faults += bool(snapshot.bad)
                self.check(b, snapshot)
        self.assertEqual(snapshot.bad, {}, "all is well again")
        self.assertGreaterEqual(faults, 1, "the fault was seen")

    def test_unknown_is_not_zero(self) -> None:
        b = self.bench()
        b.sim.faults.set("refuse")
        with self.assertRaises(LinkError):
            b.driver.poll()
        self.assertFalse(b.link.connected)
        channel = next(iter(b.driver.channels()))
        with self.assertRaises(LinkError):
            b.supply.read(channel)

    def test_an_order_whose_answer_is_lost_may_have_arrived_and_is_not_sent_again(self) -> None:
        b = self.bench()
        channel = list(b.driver.channels())[-1]
        for order in (
            lambda: b.supply.switch(channel, True),
            lambda: b.supply.set_voltage(channel, self.voltage(b, channel)),
            lambda: b.supply.emergency_off(channel),
        ):
            exchanges, before = b.link.exchanges, len(orders(b.sim.transcript))
            order()
            exchanges, sent = b.link.exchanges - exchanges, len(orders(b.sim.transcript)) - before
            b.link.before(exchanges - 1, lambda: b.sim.faults.set("drop"))
            before = len(orders(b.sim.transcript))
            with self.assertRaises(LinkError) as raised:
                order()
            self.assertEqual(raised.exception.delivered, "unknown")
            self.assertEqual(len(orders(b.sim.transcript)) - before, sent, "sent once")
            self.assertFalse(b.link.connected)
            b.reconnect()

    def test_an_order_on_a_dead_link_has_not_arrived(self) -> None:
        b = self.bench()
        channel = next(iter(b.driver.channels()))
        b.link.drop()
        with self.assertRaises(LinkError) as raised:
            b.supply.switch(channel, True)
        self.assertEqual(raised.exception.delivered, "no")
        self.assertEqual(orders(b.sim.transcript), [])


class SupplyKilled(SupplyCase):
    """The process of a driver dies."""

    def test_a_killed_process_leaves_the_instrument_as_it_is(self) -> None:
        b = self.bench()
        b.link.drop()
        self.prepare(b)
        before = b.sim.truth()
        command = [sys.executable, "-c", POLL_FOR_EVER, self.name, self.kind, b.sim.resource]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            self.assertEqual(process.stdout.readline(), "polled\n")
            process.send_signal(signal.SIGKILL)
        b.reconnect()
        self.check(b, b.driver.poll())
        for channel, true in before.items():
            for quantity in ("v_set", "i_limit", "on"):
                self.assertEqual(b.sim.truth()[channel][quantity], true[quantity])
        self.assertEqual(orders(b.sim.transcript), [])
