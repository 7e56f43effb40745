"""A shift on the demonstrator in a real browser: from the printed address, through damp air, to the page of a run."""

import re
import time
import unittest
from typing import ClassVar

from playwright.sync_api import BrowserContext, Locator, Page, expect, sync_playwright

from trackerdcs.tests.desk_browser import watched
from trackerdcs.tests.pictures import shot
from trackerdcs.tests.programs import require
from trackerdcs.tests.running_demo import Demo
from trackerdcs.tests.trusting_chromium import FLAGS

PATIENCE_MS = 30_000
RUN_MS = 150_000
FAULT_MS = 15_000
"""After so long a fault has to be on the page."""
TABS = ("Stand", "Trends", "Runs", "Alarms", "Ledger", "Logbook", "Health")


class TestAShift(unittest.TestCase):
    """One demonstrator and one window, in which everything is done by the page."""

    demo: ClassVar[Demo]
    context: ClassVar[BrowserContext]
    began: ClassVar[float]

    @classmethod
    def setUpClass(cls) -> None:
        program = require("chromium")
        playwright = sync_playwright().start()
        cls.addClassCleanup(playwright.stop)
        browser = playwright.chromium.launch(executable_path=str(program), args=list(FLAGS))
        cls.addClassCleanup(browser.close)
        cls.context = browser.new_context(viewport={"width": 1400, "height": 1000})
        cls.context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        cls.began = time.monotonic()
        cls.demo = Demo()
        cls.addClassCleanup(cls.demo.stop)

    def setUp(self) -> None:
        self.page: Page = self.context.new_page()
        self.wrong = watched(self.page)

    def go(self, tab: str) -> None:
        self.page.get_by_label("Pages").get_by_role("link", name=tab, exact=True).click()
        expect(self.page.locator("nav [aria-current=page]")).to_have_text(tab)

    def channel(self, device: str, ch: str) -> Locator:
        return self.page.locator(f'[data-channel="demo/{device}/{ch}"]')

    def put(self, device: str, ch: str, cmd: str, text: str, shown: str) -> None:
        form = self.channel(device, ch).locator(f"form[data-cmd={cmd}]")
        form.locator("input").fill(text)
        form.get_by_role("button").click()
        expect(self.channel(device, ch).locator(".result")).to_contain_text(re.compile(f"{shown}: done"))

    def switch_on(self, device: str, ch: str) -> None:
        self.channel(device, ch).locator("button[data-cmd=on]").click()
        self.page.get_by_role("dialog").locator(".go").click()

    def humidity(self, percent: str) -> None:
        form = self.page.locator("form[data-world=rh]")
        if not form.is_visible():
            self.page.locator(".world summary").click()
        form.locator("input").fill(percent)
        form.get_by_role("button").click()

    def picture(self, name: str) -> None:
        self.page.evaluate("scrollTo(0, 0)")
        self.page.mouse.move(5, 500)
        shot(self.page, name)

    def test_from_the_printed_address_to_the_page_of_a_run(self) -> None:
        self.it_opens_with_live_values()
        self.it_switches_on_and_follows()
        self.damp_air_ends_it()
        self.the_alarm_is_acknowledged()
        self.it_is_written_down()
        self.it_is_dry_again()
        self.a_module_is_calibrated()
        self.the_page_of_the_run()
        self.assertEqual(self.wrong, [])

    def it_opens_with_live_values(self) -> None:
        found = re.search(r"http://\S+/\?token=\S+", self.demo.log())
        assert found, self.demo.log()
        self.page.goto(found[0])
        self.page.wait_for_selector("body[data-interactive]")
        for tile, unit in (("env1.-.t_air", "°C"), ("env1.-.rh", "%"), ("derived.air.t_dew", "°C")):
            expect(self.page.locator(f'[data-tile="{tile}"] b')).to_have_text(re.compile(rf"^−?\d+\.\d+ {unit}$"))
        print(
            f"\ndemonstrator: from its start to the first page with live values {time.monotonic() - self.began:.1f} s"
        )
        expect(self.page.locator('[data-interlock="demo/dry_air"]')).to_contain_text("✔ ok")
        shown = self.page.locator("[data-device]").evaluate_all("all => all.map((each) => each.dataset.device)")
        self.assertEqual(shown, [f"demo/{name}" for name in ("hv1", "hv2", "lv1", "env1")])

    def it_switches_on_and_follows(self) -> None:
        self.put("lv1", "ch1", "set_current_limit", "1", "1.000 A")
        self.put("lv1", "ch1", "set_voltage", "10", "10.00 V")
        self.put("hv1", "ch0", "set_current_limit", "20", "20.00 µA")
        self.put("hv1", "ch0", "set_voltage", "-100", "−100.00 V")
        self.switch_on("hv1", "ch0")
        expect(self.channel("hv1", "ch0").locator(".result")).to_contain_text("on: refused")
        self.switch_on("lv1", "ch1")
        expect(self.channel("lv1", "ch1").locator(".result")).to_contain_text("on: done")
        self.bias()

    def bias(self) -> None:
        self.switch_on("hv1", "ch0")
        hv = self.channel("hv1", "ch0")
        expect(hv.locator(".state")).to_contain_text("RAMPING UP")
        expect(hv.locator(".result")).to_contain_text("on: done")
        expect(hv.locator(".state")).to_contain_text("● ON")
        expect(hv.locator("[data-quantity=v_mon]")).to_have_text(re.compile(r"^−(99\.\d\d|100\.\d\d) V$"))
        expect(hv.locator("[data-quantity=i_mon]")).to_have_text(re.compile(r"^−\d+(\.\d+)? (nA|µA)$"))

    def damp_air_ends_it(self) -> None:
        hv, lock = self.channel("hv1", "ch0"), self.page.locator('[data-interlock="demo/dry_air"]')
        self.humidity("80")
        expect(lock).to_contain_text("✖ OPEN", timeout=FAULT_MS)
        expect(hv.locator(".state")).to_have_text(re.compile("ramping down|TRIPPED"), timeout=FAULT_MS)
        for words in ("First out: humidity", "What to do: open the dry air"):
            expect(lock).to_contain_text(words)
        expect(hv.locator(".state")).to_contain_text("TRIPPED")
        expect(hv.locator("[data-quantity=v_mon]")).to_have_text(re.compile(r"^−?[0-4]\.\d\d V$"))
        expect(self.page.locator(".alarms-now")).to_contain_text("damp", timeout=FAULT_MS)
        self.picture("stand-damp")

    def the_alarm_is_acknowledged(self) -> None:
        badge = self.page.locator("#alarms")
        for tab in TABS:
            self.go(tab)
            expect(badge).to_contain_text(re.compile(r"[1-9]\d* needs? you"), timeout=FAULT_MS)
        self.go("Alarms")
        expect(self.page.locator(".watch")).to_contain_text("The alarms of demo are watched")
        row = self.page.locator("tr[data-alarm^=damp]")
        expect(row).to_contain_text(re.compile(r"raised.*damp.*open the dry air", re.S))
        self.picture("console-damp")
        row.get_by_role("button", name="Acknowledge").click()
        self.page.get_by_role("dialog").get_by_role("textbox").fill("the dry air was closed, I open it")
        self.page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
        expect(row).to_contain_text("acknowledged by demo: the dry air was closed, I open it")
        expect(row.get_by_role("button", name="Acknowledge")).to_be_hidden()
        expect(badge).to_contain_text(re.compile(r"[1-9]\d* known"))

    def it_is_written_down(self) -> None:
        self.go("Logbook")
        self.page.fill("form.write [name=text]", "The dry air was closed; opened it again.")
        self.page.fill("form.write [name=tags]", "humidity")
        self.page.get_by_role("button", name="Write").click()
        expect(self.page.locator("article").first).to_contain_text("opened it again")

    def it_is_dry_again(self) -> None:
        self.go("Stand")
        lock = self.page.locator('[data-interlock="demo/dry_air"]')
        self.humidity("20")
        expect(lock).to_contain_text("all conditions hold again", timeout=60_000)
        lock.locator("button[data-cmd=reset]").click()
        expect(lock).to_contain_text("✔ ok")
        self.channel("hv1", "ch0").locator("button[data-cmd=clear_trip]").click()
        expect(self.channel("hv1", "ch0").locator(".state")).to_contain_text("off")
        self.put("hv1", "ch0", "set_voltage", "-100", "−100.00 V")  # what tripped has forgotten where it went
        self.bias()

    def a_module_is_calibrated(self) -> None:
        self.go("Runs")
        self.page.locator("#start summary").click()
        form = self.page.locator("form.start")
        form.locator("[name=calibration]").select_option("PSquickTest")
        form.locator("[name=config]").fill("PS_Module.xml")
        form.locator("[name=reason]").fill("after the dry air was closed")
        form.get_by_role("button", name="Start").click()
        expect(self.page.locator(".verdict")).to_contain_text("GO: it has started", timeout=60_000)
        self.run_path = self.page.get_by_role("link", name="Its page").get_attribute("href") or ""
        card = self.page.locator(f".running[data-run='{self.run_path.rpartition('/')[2]}']")
        expect(card).to_contain_text(re.compile(r"\d+ %, \d+ of \d+ stages done, now \w+"))
        self.go("Stand")
        expect(self.page.locator(".runs-now")).to_contain_text(re.compile(r"PSquickTest \d+ %"))
        expect(self.channel("hv1", "ch0")).to_contain_text("in run PSquickTest")
        self.picture("stand-shift")
        self.go("Runs")
        expect(card).to_have_attribute("data-state", "done", timeout=RUN_MS)

    def the_page_of_the_run(self) -> None:
        self.page.locator(f"a[href='{self.run_path}']").first.click()
        expect(self.page.locator("svg.noise .bar")).to_have_count(32)
        for kind in ("hv1 V", "hv1 A", "env1 degC"):
            expect(self.page.locator(f"[data-kind='{kind}'] canvas")).to_be_visible()
        expect(self.page.locator("#record")).to_contain_text("after the dry air was closed")
        self.picture("runs-shift")
