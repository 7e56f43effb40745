"""The table of faults: over sockets and ptys, own links and VISA, at the first exchange and later."""

import gc
import time
import unittest
from dataclasses import dataclass, field, replace
from typing import Any

from trackerdcs.domain.errors import BadReply, Delivered, Desync, LinkError, LinkLost, NotConnected, ReplyTimeout
from trackerdcs.domain.resource import Backend, Wire
from trackerdcs.domain.stand import LinkConfig
from trackerdcs.ports import Link
from trackerdcs.services.links import open_link
from trackerdcs.tests.fault_server import Fault, FaultServer, PtyFaultServer, TcpFaultServer

TIMEOUT = 0.05
AMPLE = 5.0
"""For what must answer or fail at once: only a busy machine comes near it."""


@dataclass(frozen=True)
class Outcome:
    """What a fault becomes, in the exchange that it befalls or in the next one; `at_once`: before the deadline."""

    error: type[LinkError] | None
    delivered: Delivered = "unknown"
    at_once: bool = True
    next_call: bool = False
    spins: bool = False
    wire: dict[str, Any] = field(default_factory=dict)


OUTCOMES = {
    Fault.LATE: Outcome(ReplyTimeout, at_once=False),
    Fault.PARTIAL: Outcome(ReplyTimeout, at_once=False),
    Fault.HUNG: Outcome(ReplyTimeout, at_once=False),
    Fault.SILENT: Outcome(ReplyTimeout, at_once=False),
    Fault.GARBLED: Outcome(BadReply, "yes"),
    Fault.OVERLONG: Outcome(BadReply, "yes"),
    Fault.WRONG_ECHO: Outcome(BadReply, "yes", wire={"echo": True}),
    Fault.CLOSED: Outcome(LinkLost),
    Fault.RESET: Outcome(LinkLost),
    Fault.DOUBLED: Outcome(Desync, "no", next_call=True),
    Fault.EMPTY_LINES: Outcome(None, wire={"skip_empty": True}),
}
LIMITS = {
    # pyvisa-py takes the end of a stream for silence and asks again and again.
    ("visa_tcp", Fault.CLOSED): replace(OUTCOMES[Fault.CLOSED], error=ReplyTimeout, at_once=False, spins=True),
    # It reads a serial port byte by byte.
    ("visa_pty", Fault.OVERLONG): replace(OUTCOMES[Fault.OVERLONG], spins=True),
}
WIRES: dict[str, tuple[type[FaultServer], Backend]] = {
    "tcp": (TcpFaultServer, "native"),
    "pty": (PtyFaultServer, "native"),
    "visa_tcp": (TcpFaultServer, "visa"),
    "visa_pty": (PtyFaultServer, "visa"),
}


class TestFaults(unittest.TestCase):
    """Filled from the table below."""

    def start(self, wire_name: str, **wire: Any) -> tuple[FaultServer, Link]:
        kind, backend = WIRES[wire_name]
        server = kind()
        server.echo = wire.get("echo", False)
        self.enterContext(server)
        link = open_link(LinkConfig(resource=server.resource, backend=backend), Wire(timeout=TIMEOUT, **wire))
        self.addCleanup(link.drop)
        return server, link

    def check(self, wire_name: str, fault: Fault, outcome: Outcome, warm: bool) -> None:
        server, link = self.start(wire_name, **outcome.wire)
        link.connect()
        if warm:
            self.assertEqual(link.query("ECHO 111", AMPLE), "111")
        server.script.append(fault)
        if outcome.error is None or outcome.next_call:
            self.assertEqual(link.query("ECHO 222", AMPLE), "222")
        if outcome.error is not None:
            self.fail_well(link, outcome)
        self.assertEqual(link.connected, outcome.error is None)
        if outcome.error is not None:
            with self.assertRaises(NotConnected) as caught:
                link.query("ECHO 444", AMPLE)
            self.assertEqual(caught.exception.delivered, "no")
            link.connect()
        server.release()
        for number in ("555", "666", "777"):
            self.assertEqual(link.query(f"ECHO {number}", AMPLE), number)
        self.assertNotIn("ECHO 444", server.received)

    def fail_well(self, link: Link, outcome: Outcome) -> None:
        assert outcome.error is not None
        gc.disable()  # what the whole suite has left behind may take longer than the call
        self.addCleanup(gc.enable)
        began, burnt = time.monotonic(), time.thread_time()
        with self.assertRaises(outcome.error) as caught:
            link.query("ECHO 333", AMPLE if outcome.at_once else TIMEOUT)
        burnt, took = time.thread_time() - burnt, time.monotonic() - began
        self.assertIs(type(caught.exception), outcome.error)
        self.assertEqual(caught.exception.delivered, outcome.delivered)
        self.assertLess(took, AMPLE / 2)  # says that the wait ended by itself, on a busy machine too
        if not outcome.spins:
            self.assertLess(burnt, 0.05 * took + 0.01)

    def check_refused(self, wire_name: str, warm: bool) -> None:
        server, link = self.start(wire_name)
        if warm:
            link.connect()
            self.assertEqual(link.query("ECHO 111", AMPLE), "111")
        server.unplug()
        link.drop()
        where = server.resource.split("::")[1] if "tcp" in wire_name else server.resource[4:].split("::")[0]
        with self.assertRaisesRegex(NotConnected, where) as caught:
            link.connect()
        self.assertEqual(caught.exception.delivered, "no")
        self.assertFalse(link.connected)
        server.plug()
        link.connect()
        self.assertEqual(link.query("ECHO 222", AMPLE), "222")


def _fill() -> None:
    for wire_name in WIRES:
        for moment, warm in (("first", False), ("later", True)):
            for fault, outcome in OUTCOMES.items():
                if fault is Fault.RESET and "pty" in wire_name:
                    continue  # a cable has no reset
                case = LIMITS.get((wire_name, fault), outcome)

                def test(
                    self: TestFaults, w: str = wire_name, f: Fault = fault, o: Outcome = case, m: bool = warm
                ) -> None:
                    self.check(w, f, o, m)

                setattr(TestFaults, f"test_{wire_name}_{fault}_{moment}", test)

            def refused(self: TestFaults, w: str = wire_name, m: bool = warm) -> None:
                self.check_refused(w, m)

            setattr(TestFaults, f"test_{wire_name}_refused_{moment}", refused)


_fill()
