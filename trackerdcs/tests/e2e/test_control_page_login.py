"""Nobody without a session reaches Node-RED, nobody speaks in another's name, and an ended session is over."""

import socket
import time
import urllib.error
import urllib.request
import uuid

from playwright.sync_api import expect

from trackerdcs.tests.control_stand import STAND, apply, channel, eventually, newest
from trackerdcs.tests.e2e.test_control_page import OnTheStand, shot
from trackerdcs.tests.polling import Polling, leads_to, refused

WIDGET = "dcs-control-page"
OFF_TOPIC = f"dcs/v1/{STAND}/hv1/cmd/nodered"


def upgrade(port: int, path: str, cookie: str | None, origin: str | None = None) -> str:
    """The first line of the answer to a websocket handshake."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([f"Cookie: trackerdcs={cookie}"] if cookie else []),
        *([f"Origin: {origin}"] if origin else []),
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection.recv(200).decode("latin-1").split("\r\n")[0]


class TestDoor(OnTheStand):
    def test_without_a_session_every_way_is_closed(self) -> None:
        url, port = self.stand.nodered.url, self.stand.nodered.port
        for path in (
            "/",
            "/ui",
            "/control",
            "/control/stands",
            "/control/_setup",
            "/control/assets/x.js",
            "/nodered/",
            "/nodered/flows",
            "/NODERED/flows",
            "/nodered/settings",
            "/dashboard/manifest.webmanifest",
            "/control/_debug/datastore/dcs-control-page",
            "/control/socket.io/?EIO=4&transport=polling",
        ):
            with self.subTest(path):
                self.assertEqual(refused(url + path), 401)
                self.assertEqual(
                    refused(url + path, "forged", **{"X-Webauth-User": "eva", "X-Webauth-Role": "admin"}), 401
                )
        for path in ("/control/socket.io/?EIO=4&transport=websocket", "/nodered/comms"):
            with self.subTest(path):
                self.assertIn("401", upgrade(port, path, None))
        self.assertEqual(refused(f"{url}/control/stands", Accept="text/html"), 303)
        self.assertEqual(leads_to(f"{url}/control/stands"), "http://login.example/login?next=/control/stands")

    def test_the_editor_is_for_experts(self) -> None:
        url, port, eva = self.stand.nodered.url, self.stand.nodered.port, self.stand.verify.login("eva", "expert")
        for path in ("/nodered/", "/nodered/flows", "/NODERED/flows", "//nodered/flows", "/anything"):
            self.assertEqual(refused(url + path, self.cookie), 403, path)
        self.assertEqual(refused(f"{url}/nodered/flows", eva), 200)
        self.assertIn("403", upgrade(port, "/nodered/comms", self.cookie))
        self.assertIn("101", upgrade(port, "/nodered/comms", eva))
        self.assertEqual(refused(f"{url}/control/stands", self.stand.verify.login("vera", "viewer")), 403)

    def test_a_page_of_another_site_is_not_let_in_with_our_cookie(self) -> None:
        url, port = self.stand.nodered.url, self.stand.nodered.port
        path = "/control/socket.io/?EIO=4&transport=websocket"
        self.assertIn("101", upgrade(port, path, self.cookie, url))
        self.assertIn("403", upgrade(port, path, self.cookie, "http://evil.example"))

    def test_the_login_service_is_away_and_nobody_new_is_let_in(self) -> None:
        page = self.open()
        self.stand.verify.stop()
        self.addCleanup(page.close)
        try:
            self.assertEqual(refused(f"{self.stand.nodered.url}/control/stands", self.stand.verify.login("new")), 503)
            self.assertIn("503", upgrade(self.stand.nodered.port, "/control/socket.io/?EIO=4&transport=websocket", "x"))
            apply(page, "hv1", "ch1", "set_voltage", "-5")
            expect(newest(page, "hv1", "ch1", "refused")).to_contain_text("cannot be checked now")
            expect(page.get_by_role("alert")).to_contain_text("LOGIN SERVICE SILENT")
            shot(page, "login-silent")
            channel(page, "hv1", "ch1").locator("[data-cmd=off]").click()  # the way down needs no login service
            newest(page, "hv1", "ch1", "done")
            self.assertEqual(self.stand.said("cmd", cmd="off")[-1]["by"], "shifter-a")
        finally:
            self.stand.verify.restart()


class TestNames(OnTheStand):
    def order(self, **fields: object) -> dict[str, object]:
        return {
            "op": "command",
            "id": str(uuid.uuid4()),
            "stand": STAND,
            "device": "hv1",
            "ch": "ch1",
            "cmd": "off",
        } | fields

    def test_by_is_the_person_of_the_session_whatever_the_browser_writes(self) -> None:
        client = Polling(self.stand.nodered.url, self.cookie)
        asked = self.order(by="eva", user="eva")
        client.emit(
            "widget-action",
            WIDGET,
            {"payload": asked, "by": "eva", "_client": {"user": {"user": "eva"}, "socketId": "x"}},
        )
        eventually(lambda: self.stand.said("ack", id=asked["id"]), "an ack")
        self.assertEqual(self.stand.said("cmd", id=asked["id"])[0]["by"], "shifter-a")
        self.assertEqual({ack["by"] for ack in self.stand.said("ack", id=asked["id"])}, {"shifter-a"})

    def test_a_browser_cannot_speak_for_another_node(self) -> None:
        client = Polling(self.stand.nodered.url, self.cookie)
        forged = {
            "topic": OFF_TOPIC,
            "qos": 1,
            "payload": '{"v":1,"id":"forged","cmd":"off","ch":"ch1","ts":1,"expires":1,"by":"eva"}',
        }
        for event in ("widget-send", "widget-action", "widget-change"):
            for node in ("dcs-asked", "dcs-heard", "dcs-out", "dcs-in-0"):
                client.emit(event, node, forged)
        asked = self.order()
        client.emit("widget-action", WIDGET, {"payload": asked})
        eventually(lambda: self.stand.said("ack", id=asked["id"]), "an ack of what was sent last")
        self.assertEqual(self.stand.said("cmd", id="forged"), [])

    def test_what_is_no_command_of_the_page_is_not_sent(self) -> None:
        client = Polling(self.stand.nodered.url, self.cookie)
        for wrong, why in (
            (self.order(cmd="set_voltage", args={"v": -1}), "late"),
            (self.order(device="hv1/cmd/web"), "no name"),
            (self.order(device="#"), "no name"),
            (self.order(args={"v": [1]}), "expected a number"),
            (self.order(cmd="explode", beat=10**9), "has not said"),
            (self.order(device="guard", ch="-", cmd="bypass", beat=10**9), "needs the role expert"),
        ):
            client.emit("widget-action", WIDGET, {"payload": wrong})
            self.assertIn(why, client.until(str(wrong["id"])))
        time.sleep(0.3)
        self.assertEqual([b for b in self.stand.said("cmd") if b["cmd"] in ("explode", "bypass")], [])

    def test_rights_count_at_their_node_and_nowhere_else(self) -> None:
        cookie = self.stand.verify.login("guest", "", {"other": "admin", f"{STAND}/hv1/ch1": "shifter"})
        client = Polling(self.stand.nodered.url, cookie)
        change: dict[str, object] = {"cmd": "set_voltage", "args": {"v": -1}, "beat": 10**9}
        for wrong in (self.order(ch="ch0", **change), self.order(device="lv1", **change)):
            client.emit("widget-action", WIDGET, {"payload": wrong})
            self.assertIn(f"needs the role shifter at {STAND}, guest is shifter at", client.until(str(wrong["id"])))
        allowed = self.order(**change)
        client.emit("widget-action", WIDGET, {"payload": allowed})
        eventually(lambda: self.stand.said("ack", id=allowed["id"], state="done"), "a set voltage")
        self.assertEqual({body["ch"] for body in self.stand.said("cmd", cmd="set_voltage", by="guest")}, {"ch1"})

        self.cookie = cookie
        page = self.open()
        expect(channel(page, "hv1", "ch1").locator("[data-cmd=on]")).to_be_enabled()
        expect(channel(page, "hv1", "ch0").locator("[data-cmd=on]")).to_be_disabled()
        expect(channel(page, "hv1", "ch0").locator("[data-cmd=off]")).to_be_enabled()
        expect(page.locator(".dcs-you")).to_contain_text(f"guest (shifter at {STAND}/hv1/ch1, admin at other)")


class TestEndedSession(OnTheStand):
    def test_a_session_that_has_ended_commands_no_more(self) -> None:
        page = self.open()
        before = len(self.stand.said("cmd"))
        del self.stand.verify.sessions[self.cookie]
        apply(page, "hv1", "ch1", "set_voltage", "-5")
        expect(newest(page, "hv1", "ch1", "refused")).to_contain_text("your session has ended")
        expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
        shot(page, "ended")
        expect(channel(page, "hv1", "ch1").locator("[data-cmd=on]")).to_be_disabled()
        self.assertEqual(len(self.stand.said("cmd")), before)

    def test_a_role_that_was_lowered_counts_at_once(self) -> None:
        page = self.open()
        refused(f"{self.stand.nodered.url}/control/stands", self.cookie)  # a yes that a page may live on for 2 s
        self.stand.verify.sessions[self.cookie].role = "viewer"
        apply(page, "hv1", "ch1", "set_voltage", "-5")
        newest(page, "hv1", "ch1", "refused")

    def test_an_open_page_that_nobody_touches_is_told(self) -> None:
        page = self.open()
        del self.stand.verify.sessions[self.cookie]
        expect(page.get_by_role("alert")).to_contain_text("Your session has ended", timeout=12_000)
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{self.stand.nodered.url}/control/stands", timeout=5)
