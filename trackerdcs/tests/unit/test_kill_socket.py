"""The local socket of a kill: who may use it, what a crashed owner leaves, what its clients may say."""

import json
import os
import socket
import stat
import tempfile
import unittest
from pathlib import Path
from typing import Any

from trackerdcs.adapters.kill_socket import KillClient, KillSocket
from trackerdcs.domain.errors import ConfigError, NotConnected


class TestKillSocket(unittest.TestCase):
    def setUp(self) -> None:
        # Longer than a socket's name may be.
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory()), "data" * 20, "more" * 20, "hv1.kill")
        self.kills: list[tuple[str, str]] = []

    def socket(self) -> KillSocket:
        def kill(by: str, id: str) -> dict[str, Any]:
            self.kills.append((by, id))
            return {"state": "killing"}

        return KillSocket(self.path, kill, lambda: {"state": "idle"})

    def say(self, line: bytes) -> dict[str, Any]:
        folder = os.open(self.path.parent, os.O_PATH)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"/proc/self/fd/{folder}/{self.path.name}")
            client.sendall(line)
            answer: dict[str, Any] = json.loads(client.makefile("rb").readline())
        os.close(folder)
        return answer

    def test_rule_08_any_line_kills_and_a_look_does_not(self) -> None:
        with self.socket():
            client = KillClient(self.path)
            self.assertEqual(client.look(), {"state": "idle"})
            self.assertEqual(self.kills, [])
            self.assertEqual(client.kill("one", "smoke"), {"state": "killing"})
            by, id = self.kills[0]
            self.assertRegex(by, "at this computer: smoke")
            self.assertEqual(id, "one")
            for line in (b"\n", b"kill\n", b'{"look": 1}\n', b"[" * 4000 + b"\n", b"\xff\n", b'{"id": 5}\n'):
                self.assertEqual(self.say(line)["state"], "killing", line)
            self.assertEqual(len({id for _, id in self.kills}), 7)
            self.say(b"x" * 10_000 + b"\n")
            self.assertEqual(client.look(), {"state": "idle"})
            self.assertEqual(len(self.kills), 8, "a second kill would be an emergency_off")

    def test_the_owner_and_its_group_may_use_it(self) -> None:
        with self.socket():
            found = self.path.stat()
            self.assertEqual(stat.S_IMODE(found.st_mode), 0o660)
            self.assertEqual(found.st_gid, self.path.parent.stat().st_gid)
        self.assertFalse(self.path.exists())

    def test_what_a_crashed_owner_left_is_replaced_and_a_living_one_is_not(self) -> None:
        with self.socket():
            with self.assertRaisesRegex(ConfigError, "another owner answers"), self.socket():
                self.fail("two owners")
            self.assertEqual(KillClient(self.path).look(), {"state": "idle"})
        folder = os.open(self.path.parent, os.O_PATH)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(f"/proc/self/fd/{folder}/{self.path.name}")
        os.close(folder)
        with self.assertRaises(NotConnected):
            KillClient(self.path).look()
        with self.socket():
            self.assertEqual(KillClient(self.path).look(), {"state": "idle"})


if __name__ == "__main__":
    unittest.main()
