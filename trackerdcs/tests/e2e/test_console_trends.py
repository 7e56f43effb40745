"""The Trends page in a real browser: zoom asks anew, spikes stay, no line leads over a gap, a link is the view."""

import re
import time
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page, expect

from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.domain.moments import S
from trackerdcs.domain.series import Point
from trackerdcs.settings import load_stand
from trackerdcs.tests.console_browser import OnTheConsole, data
from trackerdcs.tests.pictures import shot_async

LONG, GAP, SPIKE = 7200, range(3000, 3600), 5000
"""Seconds of a history at 1 Hz, those that lack in it, and where one value is far from all others."""
HV, OTHER, SET = "demo/hv1/ch3/v_mon", "demo/hv1/ch3/i_mon", "demo/hv1/ch3/v_set"
START = time.time_ns() // (60 * S) * 60 * S - 2 * 86400 * S
"""The same for all tests: another one would fill the gap."""
BLUE, ORANGE = [0, 128, 208], [230, 159, 0]
COLOURED = """([share, colour]) => {
    const canvas = document.querySelector('#plot canvas');
    const over = document.querySelector('#plot .u-over').getBoundingClientRect();
    const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width, left = (over.left - box.left) * ratio;
    const x = Math.round(left + share * over.width * ratio), wide = 12; // a dash has gaps of its own
    const height = Math.floor((over.bottom - box.top - 20) * ratio); // without the lanes of gaps
    const {data} = canvas.getContext('2d').getImageData(x - wide / 2, 0, wide, height);
    const same = (i) => data[i + 3] > 200 && colour.every((c, k) => Math.abs(c - data[i + k]) < 12);
    let found = 0;
    for (let i = 0; i < data.length; i += 4) found += same(i);
    return found;
}"""
"""How many points of a colour are on the plot at a share of its width."""


class TestTrends(OnTheConsole):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.start = START
        tags = (("stand", "demo"), ("device", "hv1"), ("channel", "ch3"))
        points = [Point("hv", tags, self.start + s * S, self.values(s)) for s in range(LONG)]
        series = SqliteSeries(self.demo.data / load_stand(self.demo.stand_file).store.path)
        self.assertEqual(await series.write(points), [])
        await series.close()

    def values(self, second: int) -> dict[str, float | str]:
        """What is set goes on where what is measured lacks: its points are in the gap of the others."""
        measured: dict[str, float | str] = {"v_mon": -900.0 if second == SPIKE else -200.0, "i_mon": 1e-7}
        return {"v_set": -150.0} | ({} if second in GAP else measured)

    async def opened(self, query: str) -> Page:
        page = await self.page()
        await page.goto(f"{self.url}/trends?{query}")
        await expect(page.locator("#plot")).to_have_attribute("data-fetches", re.compile(r"\d"))
        return page

    @property
    def window(self) -> str:
        return f"since={_iso(self.start)}&until={_iso(self.start + LONG * S)}"

    async def drag(self, page: Page, begin: float, end: float) -> None:
        box = await page.locator("#plot .u-over").bounding_box()
        assert box
        await page.mouse.move(box["x"] + begin * box["width"], box["y"] + 100)
        await page.mouse.down()
        await page.mouse.move(box["x"] + end * box["width"], box["y"] + 150, steps=5)
        await page.mouse.up()

    async def test_zoom_fetches_finer_buckets_and_back_goes_back(self) -> None:
        page = await self.opened(f"q={HV}&{self.window}")
        wide = await data(page, "#plot")
        await expect(page.locator("tr[data-name='demo/hv1/ch3/v_mon']")).to_contain_text("−900.00 V")
        await self.drag(page, 0.6, 0.8)  # around the spike
        await expect(page.locator("#plot")).to_have_attribute("data-fetches", "2")
        near = await data(page, "#plot")
        self.assertLess(float(near["bucket"]), float(wide["bucket"]) / 3)
        self.assertAlmostEqual(float(near["since"]) / 1e3, self.start / S + 0.6 * LONG, delta=0.01 * LONG)
        await expect(page.locator("tr[data-name='demo/hv1/ch3/v_mon']")).to_contain_text("−900.00 V")
        for share in (0.2, 0.4), (0.4, 0.6), (0.45, 0.55), (0.45, 0.55), (0.45, 0.55), (0.45, 0.55):
            before = (await data(page, "#plot"))["fetches"]
            await self.drag(page, *share)
            await expect(page.locator("#plot")).not_to_have_attribute("data-fetches", before)
        deep = await data(page, "#plot")
        self.assertEqual(float(deep["until"]) - float(deep["since"]), 1000, "a second is the shortest")
        for _ in range(7):
            await page.go_back()
        await expect(page.locator("#plot")).to_have_attribute("data-since", wide["since"])
        self.assert_no_complaint()

    async def test_a_line_is_broken_at_a_gap_and_nowhere_else(self) -> None:
        page = await self.opened(f"q={HV}&q={SET}&{self.window}")
        seen = await data(page, "#plot")
        self.assertEqual((seen["broken"], seen["gaps"]), ("1 0", "1 0"))
        for second, here in (GAP.start - 300, True), (GAP.start + 60, False), (GAP.start + 300, False):
            found = await page.evaluate(COLOURED, [second / LONG, BLUE])
            self.assertEqual(found > 0, here, f"the line of {HV} {second} s after the start")
            self.assertGreater(await page.evaluate(COLOURED, [second / LONG, ORANGE]), 0, "the other line goes on")
        await page.get_by_text("Gaps in view: 1").click()
        await expect(page.locator("[data-key=gaps]")).to_contain_text("9 min 58 s")  # as fine as the buckets show it
        close = f"since={_iso(self.start + 10 * S)}&until={_iso(self.start + 40 * S)}"  # buckets shorter than a period
        page = await self.opened(f"q={HV}&{close}")
        self.assertEqual((await data(page, "#plot"))["broken"], "0")
        self.assert_no_complaint()

    async def test_a_link_reproduces_the_view_and_the_csv_is_what_is_seen(self) -> None:
        page = await self.opened(f"q={HV}&q={OTHER}&follow=600")
        await page.get_by_label("log left").check()
        await page.fill("#from", _iso(self.start)[:19])
        await page.fill("#to", _iso(self.start + LONG * S)[:19].replace("T", " "))
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("#plot")).to_have_attribute("data-broken", "1 1")
        await page.mouse.move(0, 0)
        one = await data(page, "#plot")
        other = await self.opened(urlsplit(page.url).query)
        two = await data(other, "#plot")
        for name in ("since", "until", "buckets", "broken", "gaps", "bucket"):
            self.assertEqual(one[name], two[name], name)
        self.assertTrue(await other.get_by_label("log left").is_checked())
        link = await other.get_by_role("link", name="CSV").get_attribute("href")
        asked = parse_qs(urlsplit(link or "").query)
        self.assertEqual((asked["quantity"], asked["since"]), ([HV, OTHER], [_iso(self.start)]))
        answer = await other.request.get(f"{self.url}{link}")
        self.assertEqual(len(re.findall(r",(?:few|empty)$", await answer.text(), re.M)), 2)
        await shot_async(other, "trends")
        self.assert_no_complaint()

    async def test_now_goes_on_with_live_values_between_two_fetches(self) -> None:
        await self.demo.stored("env1", "-", "t_air")
        page = await self.opened("q=demo/env1/-/t_air&follow=60")
        before = await data(page, "#plot")
        await page.wait_for_function(
            "last => Number(document.getElementById('plot').dataset.last) > last + 2", arg=float(before["last"])
        )
        self.assertEqual((await data(page, "#plot"))["fetches"], before["fetches"])
        await page.keyboard.press("-")
        await expect(page.locator("#to")).not_to_have_value("now")
        await page.keyboard.press("n")
        await expect(page.locator("#to")).to_have_value("now")
        self.assert_no_complaint()

    async def test_what_cannot_be_shown_is_said(self) -> None:
        page = await self.page()
        await page.goto(f"{self.url}/trends")
        await page.fill("#find", "hv1 ch0 v_mon")
        await page.locator("[data-name='demo/hv1/ch0/v_mon']").check()
        for name in ("i_mon", "on"):
            await page.fill("#find", f"hv1 ch0 {name}")
            await page.locator(f"[data-name='demo/hv1/ch0/{name}']").click()
        await expect(page.locator("#problem")).to_contain_text("There are two axes, for V and A")
        self.assertFalse(await page.locator("[data-name='demo/hv1/ch0/on']").is_checked())
        await page.fill("#from", "yesterday")
        await page.keyboard.press("Enter")
        await expect(page.locator("#problem")).to_contain_text("from: expected a time in UTC")
        await page.goto(f"{self.url}/trends?q=<b>x</b>")
        await expect(page.locator("#failed")).to_contain_text("expected stand/device/channel/name")


def _iso(ts: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(ts // S))
