"""For tests: the Stand page of a demonstrator of its own, in a browser, logged in by its token and as a viewer."""

import re
import time
import unittest
from typing import Any, ClassVar

from playwright.sync_api import BrowserContext, Locator, Page, expect, sync_playwright

from trackerdcs.sim.control import ask
from trackerdcs.tests.programs import require
from trackerdcs.tests.running_demo import Demo
from trackerdcs.tests.servers import HOST
from trackerdcs.tests.trusting_chromium import FLAGS

PASSWORD = "correct horse battery"
PATIENCE_MS = 20_000
SILENT_S = 3.0
INTERACTIVE_S, PIXEL_S = 5.0, 1.0
"""What a loaded machine of two cores keeps; the figures themselves are printed."""


class StandPage(unittest.TestCase):
    """One demonstrator and one browser: tests go in the order of their names, each leaves everything off."""

    demo: ClassVar[Demo]
    expert: ClassVar[BrowserContext]
    token: ClassVar[str]
    browser: ClassVar[Any]
    url: ClassVar[str]
    landed: ClassVar[str]
    first: ClassVar[float]

    @classmethod
    def setUpClass(cls) -> None:
        program = require("chromium")
        cls.demo = Demo()
        cls.addClassCleanup(cls.demo.stop)
        playwright = sync_playwright().start()
        cls.addClassCleanup(playwright.stop)
        cls.browser = playwright.chromium.launch(executable_path=str(program), args=list(FLAGS))
        cls.addClassCleanup(cls.browser.close)
        found = re.search(r"http://\S+/\?token=(\S+)", cls.demo.log())
        assert found, cls.demo.log()
        cls.token = found[1]
        cls.url = f"http://{HOST}:{cls.demo.web_port}"
        cls.expert = cls.window()
        page = cls.expert.new_page()
        began = time.monotonic()
        page.goto(f"{cls.url}/?token={cls.token}")
        page.wait_for_selector("body[data-interactive]")
        cls.first = time.monotonic() - began
        cls.landed = page.url
        page.close()

    @classmethod
    def window(cls, width: int = 1400, height: int = 1000) -> BrowserContext:
        context: BrowserContext = cls.browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        return context

    def open(self, context: BrowserContext | None = None) -> Page:
        page = (context or self.expert).new_page()
        self.addCleanup(page.close)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        self.addCleanup(lambda: self.assertEqual(faults, []))
        page.goto(f"{self.url}/")
        page.wait_for_selector("body[data-interactive]")
        return page

    def row(self, page: Page, device: str, ch: str) -> Locator:
        return page.locator(f'[data-channel="demo/{device}/{ch}"]')

    def apply(self, page: Page, device: str, ch: str, cmd: str, text: str) -> None:
        form = self.row(page, device, ch).locator(f"form[data-cmd={cmd}]")
        form.locator("input").fill(text)
        form.get_by_role("button").click()
        self.said(page, device, ch, "done")

    def press(self, page: Page, device: str, ch: str, cmd: str, sure: bool = False) -> None:
        self.row(page, device, ch).locator(f"button[data-cmd={cmd}]").click()
        if sure:
            page.get_by_role("dialog").locator(".go").click()

    def said(self, page: Page, device: str, ch: str, state: str) -> Locator:
        result = self.row(page, device, ch).locator(".result")
        expect(result).to_have_attribute("data-state", state)
        return result

    def low_voltage_on(self, page: Page) -> None:
        self.apply(page, "lv1", "ch1", "set_current_limit", "1")
        self.apply(page, "lv1", "ch1", "set_voltage", "10")
        self.press(page, "lv1", "ch1", "on", sure=True)
        expect(self.row(page, "lv1", "ch1").locator(".result")).to_contain_text("on: done")

    def world(self, **values: float) -> None:
        self.assertTrue(ask(HOST, self.demo.sim_port, {"op": "world", "set": values})["ok"])
