"""`trackerdcs web` as a process: KILL through a real broker to a real owner, brokers that are down, bad input."""

import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import httpx

from trackerdcs.tests.servers import HOST, Mosquitto, free_port
from trackerdcs.tests.service import TRACKERDCS, Forked
from trackerdcs.tests.web_stack import PASSWORD, WebService, log_in, post

STAND = """
stand: bench
data: {data}
bus: {{kind: mqtt, host: 127.0.0.1, port: {broker}}}
users: {{web: viewer}}
sim: {{control: {control}}}
devices:
  hv1:
    driver: iseg_shr
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{port}::SOCKET"}}
    period: 0.2
    channels: {{ch0: {{v_min: -800, v_max: 0, i_limit_max: 2e-5, kill_rate: 400}}}}
"""


def shown(client: httpx.Client, text: str) -> bool:
    """True as soon as the home page says it."""
    end = time.monotonic() + 20
    while text not in client.get("/kill").text:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Kill(unittest.TestCase):
    def test_one_click_brings_a_stand_down_and_the_page_says_so(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        broker = self.enterContext(Mosquitto())
        text = STAND.format(data=folder / "var", broker=broker.port, control=free_port(), port=free_port())
        web = self.enterContext(WebService(folder, broker.port, stand=text))
        client = self.enterContext(httpx.Client(base_url=web.url, timeout=20))
        log_in(client, "viewer")
        post(client, "/kill/bench")
        page = client.get("/kill").text
        self.assertRegex(page, r"KILL SENT by viewer, .*: the broker has taken it, BUT NOT EVERY OWNER\sSAYS")
        self.assertIn("hv1: NO ANSWER, not proven down", page)

        file = str(folder / "stands" / "bench.yaml")
        self.enterContext(Forked(["sim", "run", file], "hv1: simulated at"))
        self.enterContext(Forked(["device", file, "hv1"], "Identity("))
        time.sleep(2.0)  # what follows faster is the same kill
        post(client, "/kill/bench", {"reason": "smoke"})
        self.assertRegex(client.get("/kill").text, "the broker has taken it, every owner obeys")
        self.assertRegex(client.get("/kill").text, "hv1: (goes down|every channel was seen off)")
        self.assertTrue(shown(client, "hv1: every channel was seen off"))
        self.assertEqual(client.get("/healthz").status_code, 200)

        broker.kill()
        self.assertTrue(shown(client, "NO BROKER"))
        post(client, "/kill/bench")
        self.assertIn("KILL NOT SENT", client.get("/kill").text)
        self.assertEqual(client.get("/healthz").status_code, 503)
        other = self.enterContext(httpx.Client(base_url=web.url, timeout=20))
        self.assertEqual(log_in(other, "admin").status_code, 303, "a login needs no broker")

        status, seconds = web.end(signal.SIGTERM)
        self.assertEqual(status, 0, web.log())
        self.assertLess(seconds, 5.0)


class BadInput(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "bench.yaml").write_text(STAND.format(data=self.folder, broker=1, control=15000, port=9))
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir()
        (self.secrets / "session-key").write_text("k" * 40)
        (self.secrets / "first-admin").write_text("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA")
        self.port, self.users = free_port(), self.folder / "users.sqlite"

    def refused(self, status: int, text: str) -> None:
        options = ["--users", str(self.users), "--secrets", str(self.secrets), "--port", str(self.port)]
        done = subprocess.run(
            [TRACKERDCS, "web", str(self.folder), *options], capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_each_is_named_in_one_line(self) -> None:
        key = self.secrets / "session-key"
        key.write_text("short\n")
        self.refused(78, f"session-key: the secret {key} is shorter than 32 characters")
        key.unlink()
        self.refused(78, f"session-key: the secret {key} cannot be read: No such file")
        key.write_text("k" * 40)
        first = self.secrets / "first-admin"
        first.write_text("hunter2")
        self.refused(78, f"first-admin: {first}: expected the argon2 hash")
        first.unlink()
        self.refused(78, f"first-admin: the secret {first} cannot be read")
        self.users = Path("/proc/users.sqlite")
        self.refused(1, "/proc/users.sqlite: cannot be made")
        self.users = self.folder / "damaged.sqlite"
        self.users.write_bytes(b"this is no database" * 100)
        self.refused(1, "damaged.sqlite: file is not a database")

    def test_a_port_that_is_taken(self) -> None:
        with Mosquitto() as other:
            self.port = other.port
            self.refused(78, f"--host {HOST} --port {other.port}: cannot listen there: Address already in use")

    def test_the_first_admin_comes_from_the_secrets_once(self) -> None:
        with WebService(self.folder / "web", 1, users=False) as web:
            client = self.enterContext(httpx.Client(base_url=web.url, timeout=20))
            self.assertEqual(log_in(client, "admin", PASSWORD).status_code, 303)
            form = {"old": PASSWORD, "new": "another fine one", "again": "another fine one"}
            self.assertEqual(post(client, "/account", form).status_code, 303)
            web.restart()
            self.assertEqual(log_in(client, "admin", PASSWORD).status_code, 401)
            self.assertEqual(log_in(client, "admin", "another fine one").status_code, 303)
