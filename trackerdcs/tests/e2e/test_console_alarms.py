"""The page Alarms in a real browser: with the engine, and with all states, which messages on a real broker play."""

import re
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import BrowserContext, Route, expect

from trackerdcs.domain.codec import encode
from trackerdcs.domain.messages import Ack, Alarm, Status
from trackerdcs.tests.desk_browser import SCRIPT, VISIBLE_MS, InBrowser, look, shot, watched
from trackerdcs.tests.mqtt_talker import Talker
from trackerdcs.tests.servers import Mosquitto
from trackerdcs.tests.service import Forked
from trackerdcs.tests.web_stack import WebService

S = 1_000_000_000


class TestAlarms(InBrowser):
    """The engine's part is played by messages on a real broker."""

    talker: ClassVar[Talker]
    web: ClassVar[WebService]
    context: ClassVar[BrowserContext]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        broker = cls.enterClassContext(Mosquitto())
        cls.web = cls.enterClassContext(WebService(folder, broker.port))
        cls.talker = cls.enterClassContext(Talker(broker.port, None, None))
        cls.context = cls.window(cls.web.url, "shifter")
        cls.addClassCleanup(cls.context.close)

    def say(self, leaf: str, payload: bytes, retain: bool = True) -> None:
        self.talker.publish(f"dcs/v1/bench/{leaf}", payload, retain)

    def status(self, state: str = "online", error: str | None = None) -> None:
        now = time.time_ns()
        said = Status(state, now, now, "b1", "1", error)  # type: ignore[arg-type]
        self.say("alarms/status", encode(said))

    def alarm(self, name: str, state: str, severity: str, **more) -> Alarm:
        now = time.time_ns()
        said = Alarm(state, severity, now, now - 75 * S, 0, "b1", name, **more)  # type: ignore[arg-type]
        self.say(f"alarm/{name}", encode(said))
        return said

    def test_what_needs_a_person_comes_first_and_is_acknowledged(self) -> None:
        page = self.context.new_page()
        wrong = watched(page)
        page.goto(f"{self.web.url}/alarms")
        banner = page.locator(".watch")
        expect(banner).to_contain_text("ALARMS ARE NOT WATCHED on bench: no alarm service has ever spoken")
        expect(page.get_by_text("Nobody knows: alarms are not watched.")).to_be_visible()

        self.status()
        expect(banner).to_have_text("✓ The alarms of bench are watched.")
        expect(page.get_by_text("No alarm needs you.")).to_be_visible()
        self.alarm("calm", "normal", "info")
        self.alarm("warm", "cleared", "warning", of="env1.t_air", value=31.5, count=7)
        damp = self.alarm(
            "damp",
            "raised",
            "critical",
            of="env1.rh",
            value=61.25,
            why="61.25 % above 60 %",
            guidance="Open the dry air.",
            count=2,
        )
        self.alarm("fan", "acknowledged", "warning", of="lv1.ch4", by="expert", comment="a new one is ordered")
        self.alarm("leak", "not_evaluated", "critical", of="hv1.ch0.i_mon", why="no values for 40 s")
        self.alarm("door", "shelved", "info", by="shifter", comment="works on the box", until=time.time_ns() + 1800 * S)
        rows = page.locator("section").first.locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.nth(0)).to_contain_text(re.compile(r"■ critical.*‼ raised.*damp.*61\.25.*Open the dry air", re.S))
        expect(rows.nth(1)).to_contain_text(re.compile(r"▲ warning.*◇ cleared.*warm", re.S))
        for name, words in {
            "fan": "acknowledged by expert: a new one is ordered",
            "leak": "no values for 40 s",
            "door": "comes back in 29 min",
        }.items():
            expect(page.locator(f"[data-alarm={name}]")).to_contain_text(words)
        shot(page, "console-alarms")
        self.alarm("warm", "cleared", "warning", of="env1.t_air", value=31.5, why=SCRIPT, guidance=SCRIPT)
        expect(rows.nth(1)).to_contain_text(SCRIPT)
        self.alarm("warm", "cleared", "warning", of="env1.t_air", value=31.5, count=7)
        expect(rows.nth(1)).not_to_contain_text(SCRIPT)

        asked: list[dict[str, Any]] = []

        def answered(route: Route) -> None:
            asked.append(route.request.post_data_json or {})
            route.fulfill(status=202, json={"id": asked[-1]["id"], "state": "sent", "why": None})

        page.route("**/api/stands/bench/devices/alarms/commands", answered)
        row = page.locator("[data-alarm=damp]")
        row.get_by_role("button", name="Acknowledge").click()
        page.get_by_role("dialog").get_by_role("textbox").fill("I look after it")
        page.get_by_role("dialog").get_by_role("button", name="Acknowledge").dblclick()
        expect(row).to_contain_text("waiting for the answer")
        self.assertEqual(len(asked), 1, "a double click sends one")
        self.assertEqual(asked[0]["args"], {"alarm": "damp", "comment": "I look after it"})
        self.assertEqual((asked[0]["cmd"], asked[0]["reason"]), ("ack", "I look after it"))
        self.say("alarms/ack", encode(Ack(asked[0]["id"], "web", "done", time.time_ns())), retain=False)
        expect(row).to_contain_text("✓ done")
        known = replace(damp, state="acknowledged", by="shifter", comment="I look after it", seq=1)
        self.say("alarm/damp", encode(known))
        expect(row).to_contain_text("acknowledged by shifter: I look after it")
        expect(row.get_by_role("button", name="Acknowledge")).to_be_hidden()

        for status, said in ((504, "NOBODY KNOWS WHETHER IT WAS SENT"), (500, "NOBODY KNOWS"), (404, "KILL NOT SENT")):
            page.route("**/kill", partial(lambda status, route: route.fulfill(status=status, body="<html>"), status))
            page.get_by_role("button", name="KILL bench").click()
            expect(page.locator(".kill-of output")).to_contain_text(said)
            page.unroute("**/kill")

        self.status("offline", "connection lost")
        expect(banner).to_contain_text("ALARMS ARE NOT WATCHED on bench: the alarm service is gone")
        shot(page, "console-unwatched")
        page.goto(f"{self.web.url}/")
        expect(page.locator("header #alarms")).to_contain_text("ALARMS NOT WATCHED", timeout=VISIBLE_MS)
        ill = page.locator(".services-now")
        expect(ill).to_contain_text("service alarms is OFFLINE (connection lost)", timeout=VISIBLE_MS)
        page.locator("header #alarms").click()
        expect(banner).to_contain_text("ALARMS ARE NOT WATCHED", timeout=VISIBLE_MS)
        page.set_viewport_size({"width": 390, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth")
        self.assertLessEqual(wide, 390, "a telephone would have to be scrolled sideways")
        look(page, "telephone")
        self.assertEqual(wrong, [])
        self.assertEqual(page.title(), "Alarms - trackerdcs")


ENGINE = """
stand: bench
data: {data}
bus: {{kind: mqtt, host: 127.0.0.1, port: {port}}}
users: {{web: expert}}
devices:
  hv1:
    driver: iseg_shr
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::9::SOCKET"}}
    channels: {{ch0: {{v_min: -800, v_max: 0, i_limit_max: 2e-5}}}}
alarms: {{gone: {{at: hv1, status: offline, severity: critical, latch: true, guidance: Look at the rack.}}}}
"""


class TestEngine(InBrowser):
    def test_a_real_alarm_is_acknowledged_shelved_and_brought_back(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        broker = self.enterContext(Mosquitto())
        text = ENGINE.format(data=folder / "var", port=broker.port)
        web = self.enterContext(WebService(folder, broker.port, stand=text))
        engine = self.enterContext(Forked(["alarms", str(folder / "stands" / "bench.yaml")]))
        talker = self.enterContext(Talker(broker.port, None, None))
        context = self.window(web.url, "shifter")
        self.addCleanup(context.close)
        page = context.new_page()
        page.goto(f"{web.url}/alarms")
        expect(page.locator(".watch")).to_contain_text("are watched", timeout=VISIBLE_MS)
        now = time.time_ns()
        said = encode(Status("offline", now, now, "b1", "1", "the plug was pulled"))
        talker.publish("dcs/v1/bench/hv1/status", said, retain=True)
        row = page.locator("[data-alarm^=gone]")
        expect(row).to_contain_text(re.compile(r"critical.*raised.*Look at the rack", re.S))
        dialog = page.get_by_role("dialog")
        row.get_by_role("button", name="Acknowledge").click()
        dialog.get_by_role("textbox").fill("on my way")
        with page.expect_request("**/commands") as sent:
            dialog.get_by_role("button", name="Acknowledge").dblclick()
        self.assertIn("raised", (sent.value.post_data_json or {})["args"], "which of its raises was seen")
        expect(row).to_contain_text("acknowledged by shifter: on my way")
        row.get_by_role("button", name="Shelve").click()
        dialog.get_by_role("textbox").fill("the rack is being moved")
        dialog.get_by_role("button", name="Shelve").click()
        expect(row).to_contain_text("shelved by shifter: the rack is being moved · comes back in")
        row.get_by_role("button", name="Unshelve").click()
        dialog.get_by_role("button", name="Unshelve").click()
        expect(row).to_contain_text(re.compile(r"raised|acknowledged"))
        engine.kill()
        expect(page.locator(".watch")).to_contain_text("ALARMS ARE NOT WATCHED", timeout=VISIBLE_MS)
