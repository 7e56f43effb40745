"""For tests: the web application with what the desk of a shift needs, in memory."""

from dataclasses import dataclass, replace
from typing import Any

from trackerdcs.app.desk import Desk
from trackerdcs.app.health_view import HealthView
from trackerdcs.domain.health import Missing, PlaceHealth
from trackerdcs.tests.join_case import MadeStores
from trackerdcs.tests.web_case import SITE, WebCase
from trackerdcs.web.app import create_app


@dataclass
class Heard:
    """A delivery as the hub passes it on."""

    topic: str
    payload: bytes
    retained: bool = False

    def acknowledge(self) -> None:
        pass


class Folder:
    """app.health_view.Places: what a test puts there."""

    def __init__(self) -> None:
        self.seen = PlaceHealth("bench", 80 << 30, 100 << 30, {"hv1": 12}, {"loader": 0}, (Missing("hv1", 0, 0, 0, 0),))
        self.looks = 0

    def look(self, stand: str) -> PlaceHealth:
        self.looks += 1
        return replace(self.seen, stand=stand)


class DeskCase(WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.stores, self.folder, self.clients = MadeStores(), Folder(), dict[str, Any]()
        self.parts_of = {"desk": Desk(self.stores, ["bench"], self.clock)}

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        expected = {"bench": {"hv1": "iseg_shr"}, "site": {"loader": "loader"}}
        self.health = HealthView({"bench": self.bus, "site": self.bus}, expected, self.folder, self.clock)
        self.parts = replace(self.parts, health=self.health)
        self.app = create_app(self.parts)

    async def as_(self, role: str) -> Any:
        if role not in self.clients:
            self.clients[role] = await self.logged_in(role)
        return self.clients[role]

    async def get(self, path: str, status: int = 200, role: str = "viewer") -> Any:
        answer = await (await self.as_(role)).get(path)
        self.assertEqual(answer.status_code, status, answer.text)
        return answer

    async def write(self, status: int = 201, files: Any = None, role: str = "shifter", **form: Any) -> Any:
        """As a form of the page; the answer as JSON."""
        some = {"file": ("", b"")} if files is None else files  # as a browser does where none is chosen
        answer = await (await self.as_(role)).post("/api/logbook", data=form, files=some, headers={"Origin": SITE})
        self.assertEqual(answer.status_code, status, answer.text)
        return answer.json()
