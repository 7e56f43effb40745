"""The desk of a shift in a real browser: what was commanded, the logbook, and a fault that Health shows in time."""

import os
import re
import time
from typing import ClassVar

from paho.mqtt.publish import single
from playwright.sync_api import Page, expect

from trackerdcs.adapters.users_sqlite import SqliteUsers
from trackerdcs.domain import topics
from trackerdcs.domain.access import Account
from trackerdcs.domain.codec import encode
from trackerdcs.domain.messages import Event
from trackerdcs.tests import forked
from trackerdcs.tests.desk_browser import SCRIPT, VISIBLE_MS, InBrowser, shot, watched
from trackerdcs.tests.running_demo import AgainstTheDemo, Demo
from trackerdcs.tests.web_stack import PASSWORD
from trackerdcs.web.passwords import hash_password

PNG = b"\x89PNG\r\n\x1a\n" + bytes.fromhex(
    "0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000000030001"
    "0018dd8db40000000049454e44ae426082"
)


class TestDesk(InBrowser):
    """Against the demonstrator that other tests use as well; not by their class, whose loop a browser's would meet."""

    demo: ClassVar[Demo]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
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

    def open(self, path: str, name: str = "desk-shifter") -> Page:
        context = self.window(self.site, name)
        self.addCleanup(context.close)
        page = context.new_page()
        page.goto(f"{self.site}{path}")
        expect(page.get_by_role("button", name="KILL demo")).to_be_visible()
        return page

    def cli(self, *args: str) -> str:
        done = forked.trackerdcs(args, os.environ | {"TRACKERDCS_STAND_FILE": str(self.demo.stand_file)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def say_killed(self, why: str) -> None:
        """As the owner of a high voltage does that was killed by hand; nothing of the stand is killed by it."""
        said = Event("killed", time.time_ns(), "b", None, f"by root at this computer: {why}", {"id": f"kill-{why}"})
        topic = topics.of_device("demo", "hv9", "event")
        single(topic, encode(said), qos=1, hostname="127.0.0.1", port=self.demo.port)

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
        expect(page.locator("article").nth(1)).to_contain_text("▲ A later entry corrects this")
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
        page = self.open("/ledger?last=1h")
        wrong = watched(page)
        expect(page.get_by_role("heading", name="Ledger")).to_be_visible()
        self.cli("send", "demo", "lv1", "set_voltage", "ch4", "--arg", "v=3.25", "--reason", "the fans are loud")
        row = page.locator("tbody tr", has_text="the fans are loud").first
        expect(row).to_contain_text(re.compile(r"cli.*demo/lv1/ch4.*set_voltage v=3.25 V.*✓ done.*v_set=3.25 V", re.S))
        self.say_killed("smoke")
        killed = page.locator("tbody tr", has_text="smoke").first
        words = r"root at this computer.*demo.*KILL.*smoke.*accepted.*hv9 goes down"
        expect(killed).to_contain_text(re.compile(words, re.S))
        look = "e => [getComputedStyle(e).color, getComputedStyle(e.closest('tr')).backgroundColor]"
        ink, paper = killed.get_by_text("KILL").evaluate(look)
        self.assertNotEqual(ink, paper)
        shot(page, "console-ledger")
        expect(page.locator("p[role=alert].warn-ink")).to_have_text("")
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        self.assertIn("the fans are loud", download.value.path().read_text())
        page.fill("[name=device]", "nothing")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("No command is known of this time")).to_be_visible()
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
