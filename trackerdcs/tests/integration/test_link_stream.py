"""The link beyond its faults: orders, talking boards, echo, pauses, threads, descriptors and how it ends."""

import gc
import os
import socket
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trackerdcs.domain.errors import BadReply, Desync, LinkLost, NotConnected, ReplyTimeout
from trackerdcs.domain.resource import Backend, Wire
from trackerdcs.domain.stand import LinkConfig
from trackerdcs.ports import Link
from trackerdcs.services.links import open_link
from trackerdcs.tests.fault_server import Fault, FaultServer, PtyFaultServer, TcpFaultServer

AMPLE = 5.0
ENDS: tuple[tuple[type[FaultServer], Backend], ...] = (
    (TcpFaultServer, "native"),
    (PtyFaultServer, "native"),
    (TcpFaultServer, "visa"),
    (PtyFaultServer, "visa"),
)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class LinkCase(unittest.TestCase):
    def start(self, server: FaultServer, backend: Backend = "native", **wire: Any) -> Link:
        server.echo = wire.get("echo", False)
        self.enterContext(server)
        link = open_link(LinkConfig(resource=server.resource, backend=backend), Wire(**{"timeout": 0.05, **wire}))
        self.addCleanup(link.drop)
        link.connect()
        return link


class TestOrders(LinkCase):
    def test_an_order_arrives_and_the_next_query_is_answered(self):
        for kind, backend in ENDS:
            with self.subTest(kind=kind, backend=backend):
                link = self.start(server := kind(), backend)
                link.order("OUTP ON")
                self.assertEqual(link.query("ECHO 111", AMPLE), "111")
                self.assertEqual(server.received, ["OUTP ON", "ECHO 111"])

    def test_a_fault_after_an_order_says_that_its_delivery_is_unknown(self):
        for fault in (Fault.RESET, Fault.CLOSED):
            with self.subTest(fault=fault):
                server = TcpFaultServer()
                link = self.start(server)
                server.script.append(fault)
                link.order("OUTP ON")
                self.assertTrue(server.wait_for(server.ends, "gone"))
                with self.assertRaises(LinkLost) as caught:
                    link.query("ECHO 111", AMPLE)
                self.assertEqual(caught.exception.delivered, "unknown")
                self.assertEqual(server.received, ["OUTP ON"])

    def test_a_fault_before_a_question_that_follows_an_answer_says_not_delivered(self):
        server = TcpFaultServer()
        link = self.start(server)
        link.query("ECHO 111", AMPLE)
        server.unplug()
        with self.assertRaises(LinkLost) as caught:
            link.query("ECHO 222", AMPLE)
        self.assertEqual(caught.exception.delivered, "no")

    def test_an_order_is_echoed_where_the_board_echoes(self):
        for server in (TcpFaultServer(), PtyFaultServer()):
            link = self.start(server, echo=True)
            link.order("OUTP ON")
            server.script.append(Fault.WRONG_ECHO)
            with self.assertRaises(BadReply):
                link.order("OUTP OFF")
            self.assertFalse(link.connected)

    def test_an_instrument_that_takes_no_more_bytes_costs_one_timeout(self):
        server = TcpFaultServer()
        link = self.start(server)
        server.script.append(Fault.HUNG)
        with self.assertRaisesRegex(ReplyTimeout, "takes no more") as caught:
            while True:
                link.order("x" * 60000)
        self.assertEqual(caught.exception.delivered, "unknown")
        self.assertFalse(link.connected)

    def test_a_command_is_one_line_of_plain_text(self):
        server = TcpFaultServer()
        link = self.start(server)
        for command in ("VOLT 1\nOUTP ON", "VOLT 1µ", "VOLT 1\r"):
            with self.assertRaisesRegex(ValueError, "one line of plain ASCII"):
                link.query(command)
        self.assertEqual(link.query("ECHO 111", AMPLE), "111")
        self.assertEqual(server.received, ["ECHO 111"])

    def test_a_reply_with_another_line_end_is_refused(self):
        server = TcpFaultServer()
        server.end = b"\r\n"
        link = self.start(server)
        with self.assertRaisesRegex(BadReply, r"ends with b'\\n'"):
            link.query("ECHO 111", AMPLE)


class TestTalkingBoards(LinkCase):
    def test_whole_lines_are_returned_and_a_part_is_kept(self):
        for kind, backend in ENDS:
            with self.subTest(kind=kind, backend=backend):
                link = self.start(server := kind(), backend)
                server.say(b"t=1\nt=2\nt=")
                lines: list[str] = []
                while len(lines) < 2:
                    lines += link.lines(AMPLE)
                self.assertEqual(lines, ["t=1", "t=2"])
                server.say(b"3\n")
                self.assertEqual(link.lines(AMPLE), ["t=3"])

    def test_silence_is_a_timeout_and_garbage_a_bad_reply(self):
        for said, error, delivered in (
            (b"t=", ReplyTimeout, "no"),
            (b"t=\xff\n", BadReply, "yes"),
            (b"9" * 70000, BadReply, "yes"),
        ):
            with self.subTest(said=said[:4]):
                server = TcpFaultServer()
                link = self.start(server)
                server.say(said)
                with self.assertRaises(error) as caught:
                    link.lines(0.05 if error is ReplyTimeout else AMPLE)
                self.assertEqual(caught.exception.delivered, delivered)
                self.assertFalse(link.connected)

    def test_a_timeout_says_what_was_asked_and_what_came(self):
        for fault, came in ((Fault.SILENT, "nothing"), (Fault.PARTIAL, "only b'.+'")):
            with self.subTest(fault):
                server = TcpFaultServer()
                link = self.start(server)
                server.script.append(fault)
                with self.assertRaisesRegex(ReplyTimeout, f"no whole answer in time to 'ECHO 111', {came} came"):
                    link.query("ECHO 111")

    def test_what_a_board_says_while_it_starts_is_forgotten(self):
        server = PtyFaultServer()
        began = time.monotonic()
        link = self.start(server, settle=0.4)
        self.assertLess(time.monotonic() - began, 0.4, "connect waits")
        server.say(b"boot\n")
        threading.Timer(0.6, server.say, [b"t=1\nt=2\n"]).start()
        self.assertEqual(link.lines(AMPLE)[0], "t=1")
        self.assertGreaterEqual(time.monotonic() - began, 0.4)
        server.say(b"t=3\n")
        time.sleep(0.02)
        self.assertEqual(link.lines(AMPLE)[-1], "t=3")

    def test_a_board_that_talks_cannot_be_asked(self):
        server = PtyFaultServer()
        link = self.start(server, timeout=0.3)
        stop = threading.Event()

        def talk() -> None:
            while not stop.wait(0.02):
                server.say(b"t=1\n")

        talker = threading.Thread(target=talk)
        talker.start()
        try:
            with self.assertRaisesRegex(Desync, "not silent"):
                link.query("ECHO 111", AMPLE)
        finally:
            stop.set()
            talker.join()


RECONNECTS = 300


class TestConnection(LinkCase):
    def test_eight_threads_get_their_own_answers(self):
        for server in (TcpFaultServer(), PtyFaultServer()):
            link = self.start(server)

            def ask(caller: int, link: Link = link) -> int:
                return sum(link.query(f"ECHO {caller}-{n}", AMPLE) == f"{caller}-{n}" for n in range(250))

            with ThreadPoolExecutor(8) as pool:
                self.assertEqual(list(pool.map(ask, range(8))), [250] * 8)

    def reconnect(self, server: FaultServer, backend: Backend = "native") -> None:
        link = self.start(server, backend, timeout=AMPLE)
        if isinstance(server, TcpFaultServer):
            link.query("ECHO 111")
        link.drop()
        if isinstance(server, TcpFaultServer):
            self.assertTrue(server.wait_for(server.ends, "reset"))
        gc.collect()  # what earlier tests left behind must not go while this one counts
        before = descriptors()
        for _ in range(RECONNECTS):
            link.connect()
            link.drop()
        deadline = time.monotonic() + AMPLE
        while descriptors() >= before + RECONNECTS / 10 and time.monotonic() < deadline:
            time.sleep(0.005)  # the server has not seen all ends yet
        self.assertLess(descriptors(), before + RECONNECTS / 10, "a leak has one for each")

    def test_300_reconnects_leak_no_socket(self):
        self.reconnect(TcpFaultServer())

    def test_300_reconnects_leak_no_serial_port(self):
        self.reconnect(PtyFaultServer())

    def test_300_reconnects_leak_no_visa_session(self):
        self.reconnect(TcpFaultServer(), "visa")

    def test_the_kernel_finds_a_dead_peer_within_seconds(self):
        link = self.start(TcpFaultServer())
        with socket.socket(fileno=os.dup(link._raw._fd)) as connection:  # type: ignore[attr-defined]
            names = ("TCP_NODELAY", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            options = {name: connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names}
            self.assertEqual(options, dict(zip(names, (1, 5, 2, 3, 5000), strict=True)))
            self.assertEqual(connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1)

    def test_dropping_resets(self):
        for backend in ("native", "visa"):
            server = TcpFaultServer()
            link = self.start(server, backend)
            link.query("ECHO 111", AMPLE)
            link.drop()
            self.assertTrue(server.wait_for(server.ends, "reset"), server.ends)

    def test_connecting_again_ends_the_old_connection(self):
        server = TcpFaultServer()
        link = self.start(server)
        link.query("ECHO 111", AMPLE)
        link.connect()
        self.assertTrue(server.wait_for(server.ends, "reset"), server.ends)
        self.assertEqual(link.query("ECHO 222", AMPLE), "222")

    def test_a_serial_port_has_one_owner(self):
        server = PtyFaultServer()
        self.start(server)
        other = open_link(LinkConfig(resource=server.resource), Wire())
        with self.assertRaisesRegex(NotConnected, "exclusively lock"):
            other.connect()

    def test_a_file_is_no_serial_port(self):
        with self.assertRaisesRegex(NotConnected, "/dev/null"):
            open_link(LinkConfig(resource="ASRL/dev/null"), Wire()).connect()

    def test_min_interval_is_kept_between_exchanges(self):
        link = self.start(TcpFaultServer(), min_interval=0.03)
        began = time.monotonic()
        link.query("ECHO 1", AMPLE)
        first = time.monotonic() - began
        link.order("OUTP ON")
        link.query("ECHO 2", AMPLE)
        self.assertGreaterEqual(time.monotonic() - began - first, 0.06)

    def test_an_interrupt_ends_the_link(self):
        link = self.start(TcpFaultServer())
        raw = link._raw  # type: ignore[attr-defined]

        def interrupted(timeout: float) -> bytes:
            raise KeyboardInterrupt

        raw.read = interrupted
        with self.assertRaises(KeyboardInterrupt):
            link.query("ECHO 1")
        self.assertFalse(link.connected)
