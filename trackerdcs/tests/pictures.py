"""The pictures in doc/images, and what the pages on them are made of."""

import hashlib
import os
from pathlib import Path

from playwright.async_api import Page as AsyncPage
from playwright.sync_api import Page

from trackerdcs.tests.documents import ROOT

FOLDER = ROOT / "doc" / "images"
MADE_FROM = FOLDER / "made-from.sha256"
PAGES = ("nodered/flows.json", "trackerdcs/web/templates/*.html", "trackerdcs/web/static/*")


def digest() -> str:
    """Of the files that the pages are made of."""
    files = sorted(path for pattern in PAGES for path in ROOT.glob(pattern))
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return whole.hexdigest()


def wanted() -> bool:
    """True where pictures are to be made anew: `make containers`."""
    return os.environ.get("TRACKERDCS_SHOTS") == "1"


def shot(page: Page, name: str) -> None:
    """A picture of a page, if they are wanted, and a note of what all of them were made from."""
    if wanted():
        FOLDER.mkdir(exist_ok=True)
        page.screenshot(path=FOLDER / f"{name}.png")
        MADE_FROM.write_text(f"{digest()}\n", encoding="utf-8")


async def shot_async(page: AsyncPage, name: str) -> None:
    """The same of a page that is driven asynchronously."""
    if wanted():
        FOLDER.mkdir(exist_ok=True)
        await page.screenshot(path=FOLDER / f"{name}.png")
        MADE_FROM.write_text(f"{digest()}\n", encoding="utf-8")


def stale() -> list[Path]:
    """The pictures that may be older than the page they show."""
    made_from = MADE_FROM.read_text(encoding="utf-8").strip() if MADE_FROM.exists() else ""
    return [] if made_from == digest() else sorted(FOLDER.glob("*.png"))
