"""The control page in a real browser: what it shows, what a press does, and how soon."""

import os
import re
import statistics
import time
import unittest
from pathlib import Path
from typing import ClassVar

from playwright.sync_api import Page, expect

from trackerdcs.adapters.ledger_sqlite import read_chain
from trackerdcs.domain.ledger import entry_of
from trackerdcs.tests.control_stand import (
    STAND,
    Chromium,
    ControlStand,
    apply,
    channel,
    newest,
)

SHOTS = os.environ.get("TRACKERDCS_SHOTS")
"""Where pictures go, for whoever wants to look."""


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


class OnTheStand(unittest.TestCase):
    stand: ClassVar[ControlStand]
    chromium: ClassVar[Chromium]

    @classmethod
    def setUpClass(cls) -> None:
        cls.stand = ControlStand()
        cls.addClassCleanup(cls.stand.stop)
        cls.chromium = Chromium()
        cls.addClassCleanup(cls.chromium.stop)

    def setUp(self) -> None:
        self.cookie = self.stand.verify.login("shifter-a")
        self.addCleanup(self.stand.verify.sessions.clear)

    def open(self, fresh: bool = True, **size: int) -> Page:
        page = self.chromium.page(self.stand, self.cookie, fresh, **size)
        self.addCleanup(page.context.close)
        return page

    def low_voltage_on(self) -> None:
        self.stand.send("lv1", "set_current_limit", "ch1", i=1)
        self.stand.send("lv1", "set_voltage", "ch1", v=10)
        self.stand.send("lv1", "on", "ch1")

    def all_off(self) -> None:
        self.stand.send("hv1", "off", "ch0")
        self.stand.send("lv1", "off", "ch1")


class TestCommands(OnTheStand):
    def test_set_switch_on_and_measured_follows(self) -> None:
        self.low_voltage_on()
        self.addCleanup(self.all_off)
        page = self.open()
        ch0 = channel(page, "hv1", "ch0")
        apply(page, "hv1", "ch0", "set_voltage", "-100")
        newest(page, "hv1", "ch0", "done")
        expect(ch0.locator("[data-set=v_set] .number")).to_have_text("−100.00 V")
        expect(ch0.locator("[data-measured=v_mon] .number")).to_have_text(re.compile(r"^[−+]?0\.\d\d V$"))
        ch0.locator("[data-cmd=on]").click()
        question = page.get_by_role("dialog")
        for words in ("bench", "hv1", "ch0", "m-1", "−100 V", "0.00 V"):
            expect(question).to_contain_text(words)
        shot(page, "question")
        page.locator("[data-confirm=on]").click()
        expect(ch0.locator("[data-state]")).to_contain_text("RAMPING UP")
        expect(ch0.locator("[data-goal]")).to_contain_text("goes to −100 V")
        shot(page, "ramping")
        newest(page, "hv1", "ch0", "done")
        expect(ch0.locator("[data-state]")).to_contain_text("ON")
        expect(ch0.locator("[data-measured=v_mon] .number")).to_have_text(re.compile(r"^−(99\.\d\d|100\.\d\d) V$"))
        shot(page, "on")
        sent = self.stand.said("cmd", cmd="on")[-1]
        self.assertEqual((sent["by"], sent["ch"]), ("shifter-a", "ch0"))
        self.assertEqual(sent["expires"] - sent["ts"], 5 * 10**9)
        self.assertLess(abs(time.time_ns() - sent["ts"]), 60 * 10**9)
        self.assertEqual(self.stand.said("ack", id=sent["id"], state="done")[0]["by"], "shifter-a")
        ledger = [entry_of(link) for link in read_chain(self.stand.folder / "hv1.ledger.sqlite")]
        self.assertEqual(
            {entry.by for entry in ledger if entry.id == sent["id"] and entry.step == "done"}, {"shifter-a"}
        )

    def test_refused_says_why_and_nothing_is_sent_beyond_a_limit(self) -> None:
        page = self.open()
        apply(page, "hv1", "ch0", "set_voltage", "-50")
        newest(page, "hv1", "ch0", "done")
        channel(page, "hv1", "ch0").locator("[data-cmd=on]").click()
        page.locator("[data-confirm=on]").click()
        expect(newest(page, "hv1", "ch0", "refused")).to_contain_text("low voltage of m-1, is off")
        ch1 = channel(page, "hv1", "ch1")
        ch1.locator("[data-field=set_voltage]").fill("-900")
        expect(ch1.locator("[data-apply=set_voltage]")).to_be_disabled()
        expect(ch1).to_contain_text("outside −800 … 0 V")
        ch1.locator("[data-field=set_voltage]").fill("-1,5")
        expect(ch1).to_contain_text("use a point")
        shot(page, "refused")

    def test_the_current_limit_is_typed_in_the_unit_beside_the_field(self) -> None:
        page = self.open()
        apply(page, "hv1", "ch1", "set_current_limit", "12.5")
        newest(page, "hv1", "ch1", "done")
        self.assertEqual(self.stand.said("cmd", cmd="set_current_limit", by="shifter-a")[-1]["args"], {"i": 1.25e-5})
        expect(channel(page, "hv1", "ch1").locator("[data-set=i_limit] .number")).to_have_text("12.50 µA")

    def test_a_double_click_is_one_command(self) -> None:
        page = self.open()
        before = len(self.stand.said("cmd", cmd="off"))
        channel(page, "hv1", "ch1").locator("[data-cmd=off]").dblclick()
        newest(page, "hv1", "ch1", "done")
        time.sleep(0.5)
        self.assertEqual(len(self.stand.said("cmd", cmd="off")) - before, 1)

    def test_another_ones_command_is_shown_with_who_it_was(self) -> None:
        page = self.open()
        self.stand.send("hv1", "set_voltage", "ch1", v=-7)
        fate = newest(page, "hv1", "ch1", "done")
        expect(fate).to_contain_text("cli")
        expect(fate).to_contain_text("set_voltage v = −7 V")

    def test_a_click_is_answered_soon(self) -> None:
        page = self.open()
        took = []
        for n in range(12):
            where = channel(page, "hv1", "ch1")
            where.locator("[data-field=set_voltage]").fill(str(-n - 1))
            before = page.evaluate("""() => { window.began = 0; window.ended = 0;
                const row = document.querySelector('[data-channel="bench/hv1/ch1"]');
                const old = row.querySelector('li.newest');
                const id = old && old.dataset.id, button = row.querySelector('[data-apply=set_voltage]');
                new MutationObserver((_, o) => { const li = row.querySelector('li.newest');
                    if (li && li.dataset.id !== id && ['accepted', 'done'].includes(li.dataset.fate)) {
                        window.ended = performance.now(); o.disconnect(); } })
                    .observe(row, { subtree: true, childList: true, attributes: true });
                window.began = performance.now(); button.click(); return id; }""")
            page.wait_for_function("window.ended > 0")
            took.append(page.evaluate("window.ended - window.began"))
            self.assertNotEqual(
                before, page.evaluate("document.querySelector('[data-channel=\"bench/hv1/ch1\"] li.newest').dataset.id")
            )
            time.sleep(0.8)
        median = statistics.median(took)
        print(f"click to acknowledged: median {median:.0f} ms, largest {max(took):.0f} ms", flush=True)
        self.assertLess(median, 1000)

    def test_the_page_shows_a_value_soon(self) -> None:
        context = self.chromium.context(self.stand, self.cookie)
        self.addCleanup(context.close)
        context.add_init_script("""new MutationObserver((_, o) => {
            const digits = document.querySelector('[data-measured=v_mon] .digits');
            if (digits && /\\d/.test(digits.textContent)) { window.shown = performance.now(); o.disconnect(); }
        }).observe(document, { subtree: true, childList: true });""")
        took = []
        for _ in range(5):
            page = context.new_page()
            page.goto(f"{self.stand.nodered.url}/control/stands", wait_until="commit")
            took.append(page.wait_for_function("window.shown").json_value() / 1000)
            page.close()
        print(f"page to first value: first time {took[0]:.2f} s, then {statistics.median(took[1:]):.2f} s", flush=True)
        self.assertLess(statistics.median(took), 10)


class TestKill(OnTheStand):
    def test_one_click_brings_all_high_voltage_down_and_says_so(self) -> None:
        self.low_voltage_on()
        self.stand.send("hv1", "set_voltage", "ch0", v=-400)
        self.stand.send("hv1", "on", "ch0")
        page = self.open()
        channel(page, "hv1", "ch1").locator("[data-cmd=on]").click()  # an open question is not in the way
        page.locator(f'[data-kill="{STAND}"]').dblclick()
        panel = page.locator(f'[data-killed="{STAND}"]')
        expect(panel).to_contain_text("by shifter-a")
        expect(panel).to_contain_text("not yet seen off")
        shot(page, "kill-going")
        expect(panel).to_contain_text("all high voltage was seen off")
        shot(page, "kill-down")
        self.assertEqual(len({body["id"] for body in self.stand.said("kill")}), 1, "a double click is one kill")
        self.assertEqual(self.stand.said("event", event="kill_emergency"), [])
        expect(channel(page, "hv1", "ch0").locator("[data-state]")).to_contain_text("TRIPPED")
        page.keyboard.press("Escape")
        for ch in ("ch0", "ch1"):
            channel(page, "hv1", ch).locator("[data-cmd=clear_trip]").click()
            newest(page, "hv1", ch, "done")
        self.stand.send("lv1", "off", "ch1")


if __name__ == "__main__":
    unittest.main()
