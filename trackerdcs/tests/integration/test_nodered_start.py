"""Node-RED starts on its own flows, keeps a lab's, and says what is wrong with what it finds in its folder."""

import json
import subprocess
import unittest
import urllib.error
import urllib.request

from trackerdcs.tests.control_stand import eventually
from trackerdcs.tests.nodered import COOKIE, NodeRed, Verify
from trackerdcs.tests.servers import Mosquitto

OWN: list[dict[str, object]] = [
    {"id": "lab-tab", "type": "tab", "label": "ours"},
    {"id": "lab-note", "type": "comment", "z": "lab-tab", "name": "ours", "info": "", "x": 10, "y": 10, "wires": []},
]


class TestStart(unittest.TestCase):
    def setUp(self) -> None:
        self.broker = Mosquitto()
        self.addCleanup(self.broker.stop)
        self.verify = Verify()
        self.addCleanup(self.verify.stop)
        self.nodered = NodeRed(self.broker.port, self.verify)
        self.addCleanup(self.nodered.stop)
        self.cookie = self.verify.login("eva", "expert")

    def flows(self, put: list[dict[str, object]] | None = None) -> list[dict[str, object]]:
        """The flows as the editor gets them, or deploys them."""
        headers = {"Cookie": f"{COOKIE}={self.cookie}", "Content-Type": "application/json"}
        body = None if put is None else json.dumps(put).encode()
        request = urllib.request.Request(f"{self.nodered.url}/nodered/flows", body, headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            said = reply.read()
        return [] if put is not None else list(json.loads(said))

    def test_a_labs_flows_stay_and_ours_are_as_shipped_after_each_start(self) -> None:
        shipped = self.flows()
        changed = [{**flow, "label": "changed"} if flow["id"] == "dcs-control" else flow for flow in shipped]
        self.flows([*changed, *OWN])
        self.assertIn("flows deployed by eva", self.nodered.log())
        self.nodered.restart()
        now = {str(flow["id"]): flow for flow in self.flows()}
        self.assertEqual(now["dcs-control"]["label"], "trackerdcs: control page")
        self.assertEqual(now["lab-note"]["name"], "ours")
        self.assertEqual(len(now), len(shipped) + len(OWN))

    def test_passwords_are_in_no_file_and_another_secret_is_said(self) -> None:
        self.flows(self.flows())
        for path in self.nodered.data.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"a password", path.read_bytes(), path)
        (self.nodered.secrets / "credential-secret").write_text("another\n")
        command = [word for word in self.nodered._command() if word]
        (self.nodered.secrets / "credential-secret").write_text("another\n")
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 78)
        self.assertIn("not written with this credential secret", done.stderr)

    def test_nothing_can_be_installed_from_the_editor(self) -> None:
        headers = {"Cookie": f"{COOKIE}={self.cookie}", "Content-Type": "application/json"}
        body = json.dumps({"module": "node-red-node-ping"}).encode()
        request = urllib.request.Request(f"{self.nodered.url}/nodered/nodes", body, headers)
        with self.assertRaises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(request, timeout=30)
        self.assertEqual(raised.exception.code, 403)

    def test_without_its_broker_it_is_not_healthy_and_comes_back(self) -> None:
        self.broker.kill()
        eventually(lambda: not self.nodered._answers(), "unhealthy")
        self.broker.restart()
        eventually(self.nodered._answers, "healthy again", 20)


if __name__ == "__main__":
    unittest.main()
