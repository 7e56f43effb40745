"""The pictures in doc/images, and what the pages on them are made of."""

import hashlib
import os
from pathlib import Path

from playwright.async_api import Page as AsyncPage
from playwright.sync_api import Page

from trackerdcs.tests.documents import ROOT

FOLDER = ROOT / "doc" / "images"
MADE_FROM = FOLDER / "made-from.sha256"
CONTROL = ("nodered/flows.json",)
FORMS = ("trackerdcs/web/templates/base.html", "trackerdcs/web/static/style.css")
FRAME = (
    "templates/console.html",
    "static/console.css",
    "static/dom.js",
    "static/shell.js",
    "static/live.js",
    "static/watch.js",
)
CONSOLE = tuple(f"trackerdcs/web/{name}" for name in FRAME)
STAND = tuple(
    f"trackerdcs/web/static/{name}"
    for name in (
        "stand.*",
        "device.js",
        "controls.js",
        "orders.js",
        "interlocks.js",
        "happened.js",
        "services.js",
        "spark.js",
    )
)
PAGES = {
    "control": CONTROL,
    "killed": CONTROL,
    "home": (*FORMS, "trackerdcs/web/templates/home.html"),
    "login": (*FORMS, "trackerdcs/web/templates/login.html"),
    "stand": CONSOLE + STAND,
    "trends": (*CONSOLE, "trackerdcs/web/static/trend*"),
    "runs": (*CONSOLE, "trackerdcs/web/static/run*", "trackerdcs/web/static/trend_[cd]*"),
}
"""What a picture is made of, by its name up to the first `-`; one that is not here, of all pages of the console."""
WHOLE = ("trackerdcs/web/templates/console.html", "trackerdcs/web/static/*")


def digest(name: str) -> str:
    """Of the files that the page on a picture is made of."""
    patterns = PAGES.get(name.partition("-")[0], WHOLE)
    whole = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
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
        _note(name)


async def shot_async(page: AsyncPage, name: str) -> None:
    """The same of a page that is driven asynchronously."""
    if wanted():
        FOLDER.mkdir(exist_ok=True)
        await page.screenshot(path=FOLDER / f"{name}.png")
        _note(name)


def stale() -> list[Path]:
    """The pictures that may be older than the page they show."""
    made_from = _made_from()
    return [path for path in sorted(FOLDER.glob("*.png")) if made_from.get(path.stem) != digest(path.stem)]


def _note(name: str) -> None:
    noted = _made_from() | {name: digest(name)}
    MADE_FROM.write_text("".join(f"{noted[each]}  {each}\n" for each in sorted(noted)), encoding="utf-8")


def _made_from() -> dict[str, str]:
    """Digest by picture."""
    lines = MADE_FROM.read_text(encoding="utf-8").splitlines() if MADE_FROM.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
