"""How a service process ends: by signal, by a fault in a file, by a bug, by force."""

import signal
import subprocess
import sys
import textwrap
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

HEAD = """
import asyncio, sys, time
from trackerdcs.domain.errors import ConfigError, StoreFault
from trackerdcs.services.runtime import run

async def serve():
    print("up", flush=True)
{body}

sys.exit(run(serve))
"""


def start(body: str) -> subprocess.Popen[str]:
    source = HEAD.format(body=textwrap.indent(textwrap.dedent(body), "    "))
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", source], stdout=pipe, stderr=pipe, text=True)


class TestRun(unittest.TestCase):
    def end(self, body: str, number: signal.Signals | None = None) -> tuple[int, str, float]:
        """Exit status, stderr, and the seconds from the signal to the end."""
        with start(body) as process:
            self.addCleanup(process.kill)
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), "up\n")
            began = time.monotonic()
            if number is not None:
                process.send_signal(number)
            _, said = process.communicate(timeout=10)
            return process.returncode, said, time.monotonic() - began

    def test_either_signal_ends_it_in_order(self) -> None:
        body = """
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            print("cleaned up", file=sys.stderr)
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                status, said, _ = self.end(body, number)
                self.assertEqual(status, 0, said)
                self.assertIn("cleaned up", said)
                self.assertNotIn("Traceback", said)

    def test_what_does_not_end_is_ended_within_two_seconds(self) -> None:
        stuck = {
            "a loop that will not": """
                while True:
                    try:
                        await asyncio.sleep(60)
                    except asyncio.CancelledError:
                        pass
                """,
            "a thread that hangs": "await asyncio.to_thread(time.sleep, 60)",
        }
        with ThreadPoolExecutor() as together:
            ends = list(together.map(lambda body: self.end(body, signal.SIGTERM), stuck.values()))
        for what, (status, said, seconds) in zip(stuck, ends, strict=True):
            with self.subTest(what):
                self.assertEqual(status, 1)
                self.assertLess(seconds, 4.0)  # 2 s on a machine that does nothing else
                self.assertIn("ended by force", said)

    def test_a_fault_in_a_file_is_78_and_its_text_alone(self) -> None:
        status, said, _ = self.end("raise ConfigError('bench.yaml:3: bus.port: 0')")
        self.assertEqual((status, said), (78, "trackerdcs: bench.yaml:3: bus.port: 0\n"))

    def test_faults_of_several_tasks_are_all_said(self) -> None:
        status, said, _ = self.end(
            "raise ExceptionGroup('', [ConfigError('one'), ExceptionGroup('', [ConfigError('two')])])"
        )
        self.assertEqual((status, said), (78, "trackerdcs: one\ntrackerdcs: two\n"))

    def test_a_bug_is_1_with_its_traceback(self) -> None:
        status, said, _ = self.end("raise ZeroDivisionError('a bug')")
        self.assertEqual(status, 1)
        self.assertIn("Traceback", said)

    def test_a_foreseen_failure_is_1_without_traceback(self) -> None:
        status, said, _ = self.end("raise StoreFault('the disk is full')")
        self.assertEqual(status, 1)
        self.assertIn("the disk is full", said)
        self.assertNotIn("Traceback", said)

    def test_a_service_that_ends_by_itself_is_0(self) -> None:
        self.assertEqual(self.end("return")[0], 0)
