"""What the page says when something is not as it was: old, unreadable, silent, gone, or new."""

import json
import re
import time

from playwright.sync_api import expect

from trackerdcs.tests.control_stand import PERIOD_S, STAND, channel, newest
from trackerdcs.tests.e2e.test_control_page import OnTheStand, shot

QUANTITIES = {"v_set": {"unit": "V"}, "v_mon": {"unit": "V"}}
NEW = {"v": 1, "kind": "hv", "model": "NEW", "serial": "1", "driver": "x", "sw": "1", "sim": True, "boot": "b"} | {
    "period": 1.0,
    "channels": {"ch7": {"quantities": QUANTITIES, "commands": {"on": {}, "off": {}}}},
}


class TestOld(OnTheStand):
    def test_it_draws_itself_from_meta_and_a_new_device_needs_no_reload(self) -> None:
        page = self.open()
        for name, ch, what in (
            ("hv1", "ch0", "v_mon"),
            ("hv1", "ch1", "i_mon"),
            ("lv1", "ch1", "v_mon"),
            ("env1", "-", "rh"),
        ):
            expect(channel(page, name, ch).locator(f"[data-measured={what}]")).to_be_visible()
        expect(channel(page, "env1", "-").locator("[data-cmd=on]")).to_have_count(0)
        expect(page.locator('[data-interlock="dry_air"]')).to_contain_text("OK")
        topic = "dcs/v1/bench2/hv9"
        self.stand.bus.publish(f"{topic}/meta", json.dumps(NEW), 1, True)
        self.stand.bus.publish(
            f"{topic}/status",
            json.dumps({"v": 1, "state": "online", "ts": 1, "since": 1, "boot": "b", "sw": "1"}),
            1,
            True,
        )
        ch7 = page.locator('[data-channel="bench2/hv9/ch7"]')
        expect(ch7).to_be_visible()
        expect(page.locator('[data-kill="bench2"]')).to_be_visible()
        expect(ch7.locator("[data-measured=v_mon] .digits")).to_have_text("—")
        expect(ch7.locator("[data-cmd=on]")).to_be_disabled()
        expect(ch7.locator("[data-cmd=off]")).to_be_enabled()
        frame = {
            "v": 1,
            "ts": time.time_ns(),
            "seq": 0,
            "boot": "b",
            "sw": "1",
            "kind": "hv",
            "ch": {"ch7": {"v_mon": -312.5, "v_set": -300, "state": "on"}},
        }
        self.stand.bus.publish(f"{topic}/frame", json.dumps(frame), 1, True)
        expect(ch7.locator("[data-measured=v_mon] .number")).to_have_text("−312.50 V")
        other = self.open(fresh=False)  # for it the same frame is one that the broker has kept: never fresh
        device = other.locator('[data-device="bench2/hv9"]')
        device.wait_for()
        self.assertEqual(device.get_attribute("data-mark"), "waiting")
        expect(device).to_contain_text("STALE")
        shot(other, "kept")
        for kind in ("meta", "status", "frame"):
            self.stand.bus.publish(f"{topic}/{kind}", b"", 1, True)

    def test_a_device_that_stops_is_grey_after_three_periods_and_only_down_is_left(self) -> None:
        page = self.open()
        ch0, device = channel(page, "hv1", "ch0"), page.locator(f'[data-device="{STAND}/hv1"]')
        self.stand.owners["hv1"].freeze()
        self.addCleanup(self.stand.owners["hv1"].thaw)
        began = time.monotonic()
        expect(device).to_have_attribute("data-mark", "stale")
        self.assertLess(time.monotonic() - began, 3 * PERIOD_S + 1.5)
        expect(device).to_contain_text("STALE")
        style = ch0.locator("[data-measured=v_mon] .digits").evaluate("e => getComputedStyle(e).backgroundImage")
        self.assertIn("linear-gradient", style, "struck")
        for cmd in ("on", "hold", "clear_trip"):
            expect(ch0.locator(f"[data-cmd={cmd}]")).to_be_disabled()
        for cmd in ("off", "emergency_off"):
            expect(ch0.locator(f"[data-cmd={cmd}]")).to_be_enabled()
        expect(page.locator(f'[data-kill="{STAND}"]')).to_be_enabled()
        ch0.locator("[data-cmd=off]").click()
        expect(newest(page, "hv1", "ch0", "unknown")).to_contain_text("no answer in 1 s")
        page.locator(f'[data-kill="{STAND}"]').click()
        expect(page.locator(f'[data-killed="{STAND}"]')).to_contain_text("no word from hv1")
        expect(page.locator(f'[data-killed="{STAND}"]')).to_contain_text("not known: stale")
        shot(page, "stale")
        self.stand.owners["hv1"].thaw()
        expect(page.locator(f'[data-killed="{STAND}"]')).to_contain_text("all high voltage was seen off")

    def test_what_cannot_be_read_is_a_dash_and_a_reason_never_the_old_number(self) -> None:
        page = self.open()
        rh = channel(page, "env1", "-").locator("[data-measured=rh]")
        expect(rh.locator(".digits")).to_have_text(re.compile(r"^\d+\.\d$"))
        self.stand.world(op="fault", device="env1", fault="sensor")
        self.addCleanup(lambda: self.stand.world(op="clear", device="env1"))
        expect(rh.locator(".digits")).to_have_text("—")
        expect(rh.locator(".why")).to_contain_text(re.compile("BAD: .+"))
        expect(page.locator('[data-interlock="dry_air"]')).to_contain_text("UNKNOWN")
        shot(page, "bad")

    def test_an_open_interlock_names_its_cause_and_what_to_do(self) -> None:
        page = self.open()
        self.stand.world(op="fault", device="env1", fault="offset", args={"quantity": "rh", "by": 40})
        self.addCleanup(lambda: self.stand.world(op="clear", device="env1"))
        lock = page.locator('[data-interlock="dry_air"]')
        expect(lock).to_contain_text("OPEN")
        expect(lock).to_contain_text("humidity")
        expect(lock).to_contain_text("open the dry air")
        expect(lock.get_by_role("button")).to_be_disabled()
        shot(page, "interlock")
        self.stand.world(op="clear", device="env1")
        lock.get_by_role("button", name="Reset", exact=True).click()
        expect(lock).to_contain_text("OK")


class TestGone(OnTheStand):
    def test_the_broker_is_killed_and_comes_back(self) -> None:
        page = self.open()
        self.stand.broker.kill()
        began = time.monotonic()
        try:
            expect(page.get_by_role("alert")).to_contain_text("BROKER LOST")
            self.assertLess(time.monotonic() - began, 3)
            expect(page.locator("[data-mark=fresh]")).to_have_count(0)
            expect(channel(page, "hv1", "ch0").locator("[data-cmd=on]")).to_be_disabled()
            page.locator(f'[data-kill="{STAND}"]').click()
            expect(page.locator(f'[data-killed="{STAND}"]')).to_contain_text("KILL WAS NOT SENT")
            shot(page, "broker-lost")
        finally:
            self.stand.broker.restart()
        page.locator(f'[data-device="{STAND}/hv1"][data-mark=fresh]').wait_for(timeout=30_000)
        expect(page.get_by_role("alert")).to_have_count(0)

    def test_node_red_is_frozen_and_comes_back(self) -> None:
        page = self.open()
        self.stand.nodered.freeze()
        began = time.monotonic()
        try:
            expect(page.get_by_role("alert")).to_contain_text("CONNECTION LOST")
            self.assertLess(time.monotonic() - began, 3)
            before = len(self.stand.said("cmd"))
            channel(page, "hv1", "ch1").locator("[data-cmd=off]").click()
            expect(newest(page, "hv1", "ch1", "refused")).to_contain_text("NOT SENT")
            shot(page, "connection-lost")
        finally:
            self.stand.nodered.thaw()
        page.locator(f'[data-device="{STAND}/hv1"][data-mark=fresh]').wait_for()
        time.sleep(1)
        self.assertEqual(len(self.stand.said("cmd")), before, "nothing old is sent late")
