"""For tests: Chromium on the console of the shared demonstrator, as somebody who is logged in or as nobody."""

import asyncio
from typing import Any

from playwright.async_api import ConsoleMessage, Page, async_playwright

from trackerdcs.adapters.users_sqlite import SqliteUsers
from trackerdcs.domain.access import Account
from trackerdcs.domain.instrument import Role
from trackerdcs.tests.programs import require
from trackerdcs.tests.running_demo import AgainstTheDemo
from trackerdcs.tests.trusting_chromium import FLAGS, PATIENCE_MS
from trackerdcs.web.passwords import hash_password

PASSWORD = "correct horse battery"
NOT_OURS = "favicon.ico"


class OnTheConsole(AgainstTheDemo):
    """Each test has a browser; whatever a page complains of in its console fails the test."""

    size = (1400, 1000)

    async def asyncSetUp(self) -> None:
        self.wrong: list[str] = []
        playwright = await self.enterAsyncContext(async_playwright())
        self.browser = await playwright.chromium.launch(executable_path=str(require("chromium")), args=list(FLAGS))
        self.addAsyncCleanup(self.browser.close)
        self.url = f"http://127.0.0.1:{self.demo.web_port}"

    async def page(self, role: Role | None = None) -> Page:
        """A window of its own, of somebody with this role."""
        width, height = self.size
        context = await self.browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._heard)
        if role is not None:
            await asyncio.to_thread(self._add, role)
            await page.goto(f"{self.url}/login")
            await page.fill("[name=name]", f"console-{role}")
            await page.fill("[name=password]", PASSWORD)
            await page.click("main button")
            await page.wait_for_url(f"{self.url}/")
        return page

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.wrong.append(f"{said.text} {said.location}")

    def _add(self, role: Role) -> None:
        users = SqliteUsers(self.demo.data / "users.sqlite")
        try:
            if f"console-{role}" not in {account.name for account in users.accounts()}:
                users.add(Account(f"console-{role}", role), hash_password(PASSWORD))
        finally:
            users.close()

    def assert_no_complaint(self) -> None:
        self.assertEqual([text for text in self.wrong if NOT_OURS not in text], [])


async def data(page: Page, selector: str) -> dict[str, Any]:
    """What an element says of itself to programs."""
    found: dict[str, Any] = await page.locator(selector).evaluate("element => ({...element.dataset})")
    return found
