"""For tests: one browser for a module, in which somebody is logged in, and pictures of what it shows."""

import os
import unittest
from pathlib import Path
from typing import ClassVar

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from trackerdcs.tests import pictures
from trackerdcs.tests.programs import require
from trackerdcs.tests.trusting_chromium import FLAGS
from trackerdcs.tests.web_stack import PASSWORD

SHOTS = os.environ.get("TRACKERDCS_SHOTS", "")
VISIBLE_MS = 15_000
"""After so long a fault has to be on the page."""
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


class InBrowser(unittest.TestCase):
    """Tests that share a browser."""

    browser: ClassVar[Browser]

    @classmethod
    def setUpClass(cls) -> None:
        program = require("chromium")
        player = sync_playwright().start()
        cls.addClassCleanup(player.stop)
        cls.browser = player.chromium.launch(executable_path=str(program), args=list(FLAGS))
        cls.addClassCleanup(cls.browser.close)

    @classmethod
    def window(cls, site: str, name: str) -> BrowserContext:
        """Of its own, in which somebody is logged in."""
        context = cls.browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.goto(f"{site}/login")
        page.fill("[name=name]", name)
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url(lambda url: "/login" not in url)
        page.close()
        return context


def look(page: Page, name: str) -> None:
    """A picture for somebody who looks: TRACKERDCS_SHOTS=FOLDER."""
    if SHOTS and not pictures.wanted():
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def shot(page: Page, name: str) -> None:
    """The same, and a picture for doc/images."""
    look(page, name)
    pictures.shot(page, name)


def watched(page: Page) -> list[str]:
    """What goes wrong in the page's scripts, and what its policy forbids."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
    return wrong
