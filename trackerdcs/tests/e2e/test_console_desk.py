"""The desk of a shift in a real browser: alarms, what was commanded, the logbook, and a fault that Health shows."""

import os
import re
import tempfile
import time
import unittest
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from trackerdcs.adapters.users_sqlite import SqliteUsers
from trackerdcs.domain.access import Account
from trackerdcs.domain.codec import encode
from trackerdcs.domain.messages import Ack, Alarm, Status
from trackerdcs.tests import forked, pictures
from trackerdcs.tests.mqtt_talker import Talker
from trackerdcs.tests.programs import require
from trackerdcs.tests.running_demo import AgainstTheDemo, Demo
from trackerdcs.tests.servers import Mosquitto
from trackerdcs.tests.service import Forked
from trackerdcs.tests.trusting_chromium import FLAGS
from trackerdcs.tests.web_stack import PASSWORD, WebService
from trackerdcs.web.passwords import hash_password

S = 1_000_000_000
VISIBLE_MS = 15_000
"""After so long a fault has to be on the page."""
SHOTS = os.environ.get("TRACKERDCS_SHOTS", "")
PNG = b"\x89PNG\r\n\x1a\n" + bytes.fromhex(
    "0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000000030001"
    "0018dd8db40000000049454e44ae426082"
)
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"

browser: Browser


def setUpModule() -> None:
    """One browser for all."""
    global browser
    program = require("chromium")
    player = sync_playwright().start()
    unittest.addModuleCleanup(player.stop)
    browser = player.chromium.launch(executable_path=str(program), args=list(FLAGS))
    unittest.addModuleCleanup(browser.close)


def look(page: Page, name: str) -> None:
    """A picture for somebody who looks: TRACKERDCS_SHOTS=FOLDER."""
    if SHOTS and not pictures.wanted():
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def shot(page: Page, name: str) -> None:
    """The same, and a picture for doc/images."""
    look(page, name)
    pictures.shot(page, name)


def window(site: str, name: str, password: str, **size: int) -> BrowserContext:
    """A browser in which somebody is logged in."""
    context = browser.new_context(viewport={"width": size.get("width", 1400), "height": size.get("height", 1000)})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{site}/login")
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.click("button[type=submit], main button")
    page.wait_for_url(lambda url: "/login" not in url)
    page.close()
    return context


def watched(page: Page) -> list[str]:
    """What goes wrong in the page's scripts, and what its policy forbids."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
    return wrong


class TestAlarms(unittest.TestCase):
    """The engine's part is played by messages on a real broker."""

    talker: ClassVar[Talker]
    web: ClassVar[WebService]
    context: ClassVar[BrowserContext]

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        broker = cls.enterClassContext(Mosquitto())
        cls.web = cls.enterClassContext(WebService(folder, broker.port))
        cls.talker = cls.enterClassContext(Talker(broker.port, None, None))
        cls.context = window(cls.web.url, "shifter", PASSWORD)
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

        self.status("offline", "connection lost")
        expect(banner).to_contain_text("ALARMS ARE NOT WATCHED on bench: the alarm service is gone")
        shot(page, "console-unwatched")
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


class TestEngine(unittest.TestCase):
    def test_a_real_alarm_is_acknowledged_shelved_and_brought_back(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        broker = self.enterContext(Mosquitto())
        text = ENGINE.format(data=folder / "var", port=broker.port)
        web = self.enterContext(WebService(folder, broker.port, stand=text))
        engine = self.enterContext(Forked(["alarms", str(folder / "stands" / "bench.yaml")]))
        talker = self.enterContext(Talker(broker.port, None, None))
        context = window(web.url, "shifter", PASSWORD)
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
        dialog.get_by_role("button", name="Acknowledge").dblclick()
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


class TestDesk(unittest.TestCase):
    """Against the demonstrator that other tests use as well; not by their class, whose loop a browser's would meet."""

    demo: ClassVar[Demo]

    @classmethod
    def setUpClass(cls) -> None:
        AgainstTheDemo.setUpClass()
        cls.demo = AgainstTheDemo.demo

    def setUp(self) -> None:
        users = SqliteUsers(self.demo.data / "users.sqlite")
        self.addCleanup(users.close)
        known = {account.name for account in users.accounts()}
        for name, role in (("desk-shifter", "shifter"), ("desk-viewer", "viewer")):
            if name not in known:
                users.add(Account(name, role), hash_password(PASSWORD))  # type: ignore[arg-type]

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.demo.web_port}"

    def open(self, path: str, name: str = "desk-shifter", **size: int) -> Page:
        context = window(self.site, name, PASSWORD, **size)
        self.addCleanup(context.close)
        page = context.new_page()
        page.goto(f"{self.site}{path}")
        expect(page.get_by_role("button", name="KILL demo")).to_be_visible()
        return page

    def cli(self, *args: str) -> str:
        done = forked.trackerdcs(args, os.environ | {"TRACKERDCS_STAND_FILE": str(self.demo.stand_file)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_an_entry_is_written_found_and_stays_text(self) -> None:
        page = self.open("/logbook")
        wrong = watched(page)
        page.fill("form.write [name=text]", f"Box opened {SCRIPT}\nsecond line")
        page.fill("form.write [name=tags]", "humidity, box")
        page.set_input_files("[name=file]", {"name": "../../etc/box.png", "mimeType": "text/html", "buffer": PNG})
        page.get_by_role("button", name="Write").dblclick()
        expect(page.locator("form.write output")).to_have_text("✓ Written")
        entry = page.locator("article").first
        expect(entry).to_contain_text(SCRIPT)
        expect(entry).to_contain_text("#humidity")
        expect(entry.locator("img")).to_have_js_property("naturalWidth", 1)
        expect(page.locator("article", has_text="Box opened")).to_have_count(1)
        with page.expect_download() as download:
            entry.locator("a.file").click()
        self.assertEqual(download.value.suggested_filename, "box.png")
        entry.get_by_role("button", name="Correct or go on").click()
        page.fill("form.write [name=text]", "It was closed again at once.")
        page.get_by_role("button", name="Write").click()
        expect(page.locator("article").first).to_contain_text("goes on with an earlier entry")
        expect(page.locator("article").nth(1)).to_contain_text("▲ Corrected or gone on with")
        shot(page, "console-logbook")
        page.fill("form.filters [name=text]", "SECOND")
        page.get_by_role("button", name="Find").click()
        expect(page.locator("article")).to_have_count(1)
        page.fill("form.filters [name=tag]", "nobody-has-it")
        page.get_by_role("button", name="Find").click()
        expect(page.get_by_text("No such entry.")).to_be_visible()
        self.assertEqual((wrong, page.title()), ([], "Logbook - trackerdcs"))
        viewer = self.open("/logbook", "desk-viewer")
        expect(viewer.get_by_text("Writing needs the role shifter.")).to_be_visible()
        expect(viewer.get_by_role("button", name="Write")).to_have_count(0)

    def test_a_command_appears_with_its_result(self) -> None:
        page = self.open("/ledger?device=lv1")
        wrong = watched(page)
        expect(page.get_by_role("heading", name="Ledger")).to_be_visible()
        self.cli("send", "demo", "lv1", "set_voltage", "ch4", "--arg", "v=3.25", "--reason", "the fans are loud")
        row = page.locator("tbody tr", has_text="the fans are loud").first
        expect(row).to_contain_text(re.compile(r"cli.*demo/lv1/ch4.*set_voltage v=3.25.*✓ done.*v_set=3.25", re.S))
        shot(page, "console-ledger")
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        self.assertIn("the fans are loud", download.value.path().read_text())
        page.fill("[name=device]", "nothing")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("No command is known of this time.")).to_be_visible()
        self.assertEqual(wrong, [])

    def test_an_injected_fault_is_seen_in_time(self) -> None:
        page = self.open("/health")
        wrong = watched(page)
        row = page.locator("#parts [data-key='demo/hv2']")
        expect(row).to_contain_text("✓ well")
        self.addCleanup(self.cli, "sim", "clear", "hv2", "--port", str(self.demo.sim_port))
        self.cli("sim", "fault", "hv2", "hang", "--port", str(self.demo.sim_port))
        expect(row).to_contain_text("✖ fault", timeout=VISIBLE_MS)
        expect(page.locator(".verdict")).to_contain_text("NOT WELL")
        expect(page.locator(".findings")).to_contain_text("demo/hv2:")
        expect(page.locator("[data-key=loader]")).to_contain_text(re.compile(r"\d"))
        shot(page, "console-health")
        self.assertEqual(wrong, [])
