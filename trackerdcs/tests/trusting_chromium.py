"""For tests: Chromium that trusts an own CA as a person's browser does, by its store of certificates."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from trackerdcs.tests.programs import require

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
PATIENCE_MS = 20_000


class TrustingChromium:
    """A browser of the machine with a home of its own, in which `ca` is an authority."""

    def __init__(self, ca: Path) -> None:
        program, certutil = require("chromium"), require("certutil")
        self._home = Path(tempfile.mkdtemp(prefix="trackerdcs-browser-"))
        store = self._home / ".pki" / "nssdb"
        store.mkdir(parents=True)
        for words in (("-N", "--empty-password"), ("-A", "-t", "C,,", "-n", "ca", "-i", str(ca))):
            subprocess.run([certutil, "-d", f"sql:{store}", *words], check=True, capture_output=True)
        self._playwright: Playwright = sync_playwright().start()
        self._browser: Browser = self._playwright.chromium.launch(
            executable_path=str(program), args=list(FLAGS), env={**os.environ, "HOME": str(self._home)}
        )

    def window(self, width: int = 1400, height: int = 1000) -> BrowserContext:
        """A window of its own: nobody is logged in."""
        context = self._browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(PATIENCE_MS)
        return context

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._playwright.stop()
        shutil.rmtree(self._home, ignore_errors=True)
