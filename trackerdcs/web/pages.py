"""The pages, from the templates beside this file. None needs a script, and none brings anything from elsewhere."""

import hashlib
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Response
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from trackerdcs.app.kill_button import KillButton
from trackerdcs.domain.access import AREAS, LONGEST, SHORTEST, Account, suffices
from trackerdcs.domain.instrument import Role

HERE = Path(str(files("trackerdcs") / "web"))
PLACES = {
    "control": ("/control/", "Control", "set voltages, switch on and off"),
    "grafana": ("/grafana/", "Dashboards", "what was measured and done, now and earlier"),
    "nodered": ("/nodered/", "Flow editor", "change how the control page is made"),
}
"""Where the home page leads, by area."""


def login_address(goal: str) -> str:
    """The login page that leads on to `goal`."""
    return "/login?" + urlencode({"next": goal})


@dataclass(frozen=True)
class StaticFile:
    """What a browser loads beside a page; `tag` is another one when the content is."""

    content: bytes
    type: str
    tag: str


class Pages:
    """Fills the templates."""

    def __init__(self) -> None:
        self._templates = Jinja2Templates(HERE / "templates").env
        self._templates.filters["clock"] = _clock
        self.static = {path.name: _static(path) for path in (HERE / "static").iterdir()}

    def login(self, goal: str, fault: str = "", status: int = 200) -> Response:
        return self._page("login.html", status, goal=goal, fault=fault)

    def home(self, account: Account, buttons: Sequence[KillButton]) -> Response:
        places = [(*PLACES[area], AREAS[area], suffices(account.role, AREAS[area])) for area in PLACES]
        return self._page("home.html", account=account, buttons=buttons, places=places)

    def console(
        self,
        account: Account | None,
        name: str,
        title: str,
        stands: Sequence[str],
        pages: Mapping[str, tuple[str, str]],
        worlds: Sequence[str] = (),
    ) -> Response:
        style = f"{name}.css" if f"{name}.css" in self.static else ""
        return self._page(
            "console.html",
            account=account,
            key=name,
            title=title,
            stands=stands,
            pages=pages,
            worlds=worlds,
            style=style,
        )

    def account(self, account: Account, fault: str = "", status: int = 200) -> Response:
        return self._page("account.html", status, account=account, fault=fault, shortest=SHORTEST, longest=LONGEST)

    def too_low(self, account: Account, area: str, needed: Role, having: Sequence[Account]) -> Response:
        return self._page("too_low.html", 403, account=account, area=area, needed=needed, having=having)

    def message(self, status: int, title: str, text: str) -> Response:
        return self._page("message.html", status, title=title, text=text)

    def _page(self, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(name).render(values), status)


def _static(path: Path) -> StaticFile:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "text/plain"
    return StaticFile(content, kind, f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def _clock(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"
