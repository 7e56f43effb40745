"""The Runs pages in a real browser: NO-GO with its reasons, a run from its start to its page, and two runs compared."""

import re

from playwright.async_api import Page, expect

from trackerdcs.tests.console_browser import OnTheConsole, data
from trackerdcs.tests.pictures import shot_async

RUN_MS = 120_000


class TestRuns(OnTheConsole):
    async def told(self, *words: str) -> None:
        code, out, err = await self.send("demo", *words, "--reason", "test of the console")
        self.assertEqual(code, 0, out + err)

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        await self.all_off()
        self.addAsyncCleanup(self.all_off)

    async def all_off(self) -> None:
        await self.told("hv1", "off", "ch0")
        await self.told("lv1", "off", "ch1")

    async def asked(self, page: Page, calibration: str) -> None:
        await page.goto(f"{self.url}/runs")
        await page.locator("#start summary").click()
        form = page.locator("form.start")
        await form.locator("[name=calibration]").select_option(calibration)
        await form.locator("[name=config]").fill("PS_Module.xml")
        await form.locator("[name=reason]").fill("<b>first</b> light")
        await form.get_by_role("button", name="Start").click()

    async def measured(self, page: Page) -> str:
        """The id of a run that was started from the page and has come to its end."""
        await self.asked(page, "PSquickTest")
        await expect(page.locator(".verdict")).to_contain_text("GO: it has started", timeout=60_000)
        run = (await page.get_by_role("link", name="Its page").get_attribute("href") or "").rpartition("/")[2]
        card = page.locator(f".running[data-run='{run}']")
        await expect(card).to_contain_text(re.compile(r"\d+ %, \d+ of \d+ stages done, now \w+, about .* left"))
        await expect(card).to_contain_text("SIMULATED")
        await expect(card).to_have_attribute("data-state", "done", timeout=RUN_MS)
        return run

    async def test_from_no_go_to_two_runs_side_by_side(self) -> None:
        page = await self.page("shifter")
        await self.asked(page, "calibrationandpedenoise")
        verdict = page.locator(".verdict")
        await expect(verdict).to_contain_text("NO-GO", timeout=60_000)
        for words in ("lv1.ch1.on", "hv1.ch0.state", "below 50"):
            await expect(verdict.locator("li").filter(has_text=words).first).to_be_visible()
        await shot_async(page, "runs")

        await self.told("lv1", "set_current_limit", "ch1", "--arg", "i=1")
        await self.told("lv1", "set_voltage", "ch1", "--arg", "v=10")
        await self.told("lv1", "on", "ch1")
        unbiased = await self.measured(page)
        await self.told("hv1", "set_voltage", "ch0", "--arg", "v=-100")
        await self.told("hv1", "on", "ch0")
        biased = await self.measured(page)

        await page.goto(f"{self.url}/runs/{biased}")
        bars = page.locator("svg.noise .bar")
        await expect(bars).to_have_count(32)
        record = page.locator("#record")
        for words in ("<b>first</b> light", "console-shifter", "✓ yes: exit status 0", "✓ GO: lv_on lv1.ch1.on"):
            await expect(record).to_contain_text(words)
        await expect(page.locator("#head")).to_contain_text("SIMULATED")
        await page.locator("svg.noise .bar[data-chip='0.0.0.MPA.8']").press("Enter")
        await expect(page.locator("canvas.map")).to_have_attribute("data-columns", "120")
        self.assertEqual((await data(page, "canvas.map"))["rows"], "16")
        await expect(page.locator("[data-kind='hv1 V'] canvas")).to_be_visible()
        await shot_async(page, "runs-one")
        await page.get_by_text(re.compile("^Raw files")).click()
        async with page.expect_download() as waited:
            await page.get_by_role("link", name="PS_Module.xml").first.click()
        self.assertEqual((await waited.value).suggested_filename, "PS_Module.xml")

        await page.goto(f"{self.url}/runs/{unbiased}")
        await page.get_by_label("the other run").select_option(biased)
        await page.get_by_role("button", name="Compare").click()
        difference = float((await data(page, "#difference"))["mean"])
        self.assertLess(difference, -1, "without bias all chips are noisier")
        await expect(page.locator("#conditions tr").filter(has_text="demo/hv1/ch0/v_mon")).to_contain_text("−100")
        await shot_async(page, "runs-compare")
        self.assert_no_complaint()

    async def test_who_only_looks_cannot_start_or_abort_and_a_wrong_address_is_said(self) -> None:
        page = await self.page("viewer")
        await page.goto(f"{self.url}/runs?state=done")
        await page.locator("#start summary").click()
        await expect(page.locator("#start")).to_contain_text("needs a login with the role shifter")
        self.assertEqual(await page.locator("form.start").count(), 0)
        await page.fill("[name=since]", "tomorrow")
        await page.get_by_role("button", name="Show").click()
        await expect(page.get_by_text("since: 'tomorrow'")).to_be_visible()
        for path in ("/runs/none", "/runs/%3Cb%3E", "/runs/a?with=b"):
            await page.goto(f"{self.url}{path}")
            await expect(page.locator("main [role=alert]:visible").first).to_contain_text(
                re.compile("There is no run|names no run|not to be had")
            )

    async def test_a_run_is_aborted_after_a_second_question(self) -> None:
        page = await self.page("shifter")
        await self.told("lv1", "set_current_limit", "ch1", "--arg", "i=1")
        await self.told("lv1", "set_voltage", "ch1", "--arg", "v=10")
        await self.told("lv1", "on", "ch1")
        await self.asked(page, "PSquickTest")
        await expect(page.locator(".verdict")).to_contain_text("GO: it has started", timeout=60_000)
        run = (await page.get_by_role("link", name="Its page").get_attribute("href") or "").rpartition("/")[2]
        card = page.locator(f".running[data-run='{run}']")
        await card.get_by_role("button", name="Abort", exact=True).click()
        await expect(card).to_contain_text("What was measured until now is lost")
        await card.get_by_role("button", name="Abort the run").click()
        await expect(card).to_have_attribute("data-state", "aborted", timeout=60_000)
