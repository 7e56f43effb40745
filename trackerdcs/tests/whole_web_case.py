"""For tests: the web application with all of its parts, as the service builds it, and two stands in memory."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trackerdcs.adapters.bus_memory import MemoryBus
from trackerdcs.adapters.http_uvicorn import listen, serve_http
from trackerdcs.app.desk import Desk
from trackerdcs.app.health_view import HealthView
from trackerdcs.app.kill_button import KillButton
from trackerdcs.app.live_hub import LiveHub
from trackerdcs.app.requester import Requester
from trackerdcs.app.trends import Trends
from trackerdcs.domain.access import Account
from trackerdcs.domain.logbook import Attachment, Entry
from trackerdcs.domain.run_links import Binding, StoredCommand
from trackerdcs.tests.desk_web_case import Folder
from trackerdcs.tests.join_case import AIR, KNOWN, T0, S, made_run
from trackerdcs.tests.unit.test_web_runs import PATHS, RunsCase
from trackerdcs.tests.web_case import HASH
from trackerdcs.web.app import create_app

STRANGER = Account("stranger", None, {"other": "viewer"})
MASTER = Account("master", None, {"other": "admin"})
INSIDE = Account("inside", None, {"bench": "viewer"})
LOCAL = Account("local", None, {"bench": "expert", "other/hv1": "admin"})
BOTH = Account("both", None, {"bench": "viewer", "other": "shifter"})
BELOW = Account("below", None, {"bench/hv1": "admin"})
NONE = Account("none")
ON_NODES = (STRANGER, MASTER, INSIDE, LOCAL, BOTH, BELOW, NONE)
OURS, THEIRS, SITES = (digit * 32 for digit in "abc")
"""Entries of the logbook: of `bench`, of `other` and of the site, each with an attachment."""
HV = "bench/hv1/ch0/v_mon"
NEEDED = {"/api/at": {"time": str(T0)}, "/api/series": {"quantity": HV, "since": str(T0), "until": str(T0 + 100 * S)}}
"""Parameters without which a route does not answer."""


class WholeCase(RunsCase):
    """Stand `bench` with its runs as in other tests; a run, module, quantity, command, entry of the stand `other`."""

    def setUp(self) -> None:
        super().setUp()
        for account in ON_NODES:
            self.users.add(account, HASH)
        air = replace(AIR, stand="other", quantity="rh", unit="%")
        self.stores.known = (*KNOWN, air)
        self.stores.write(air, {second: 40.0 for second in range(100)})
        runs = self.stores.run_store
        runs.put_run(made_run("o1", T0 + 2000 * S, stand="other", modules=()))
        runs.put_run(made_run("n1", T0 + 3000 * S, stand=""))
        runs.put_binding(Binding("other", "hv1", "ch0", "PS_2", T0 - 500 * S))
        for n, (id, stand) in enumerate(((OURS, "bench"), (THEIRS, "other"), (SITES, None))):
            file = Attachment("a.txt", "application/octet-stream", 7)
            runs.put_entry(Entry(id, T0 + n, "shifter", f"of {stand}", (), stand, None, None, (file,)), [b"content"])
        for stand in ("bench", "other"):
            runs.put_command(StoredCommand(f"k-{stand}", stand, "hv1", "web", "on", T0, "ch0", {}, "shifter"))
        self.world = {"rh": 40.0, "t_air": 21.0, "t_plate_target": 20.0}

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        ears = {name: MemoryBus(self.broker, f"whole-{name}") for name in ("bench", "other", "site")}
        for bus in ears.values():
            await self.enterAsyncContext(bus)
        expected = {"bench": {"hv1": "iseg_shr"}, "other": {"hv1": "iseg_shr"}, "site": {"loader": "loader"}}
        self.folder = Folder()
        self.health = HealthView(ears, expected, self.folder, self.clock)
        hub = LiveHub(ears, self.clock, self.health.hear)
        buttons = {name: KillButton(self.bus, name, "web", [], self.clock) for name in ("bench", "other")}
        for work in (hub.run(), *(button.follow() for button in buttons.values())):
            self.addCleanup(asyncio.create_task(work).cancel)

        async def ask(values: Mapping[str, float]) -> Mapping[str, float]:
            self.world |= values
            return self.world

        self.parts = replace(
            self.parts,
            buttons=buttons,
            hub=hub,
            trends=Trends(self.stores, self.clock),
            desk=Desk(self.stores, ["bench", "other"], self.clock),
            health=self.health,
            requesters={name: Requester(self.bus, self.clock, "web") for name in ("bench", "other")},
            worlds={name: ask for name in ("bench", "other")},
        )
        self.app = create_app(self.parts)

    async def served(self) -> str:
        """The application on a real server; its address."""
        listener = self.enterContext(listen("127.0.0.1", 0))
        self.addCleanup(asyncio.create_task(serve_http(self.app, listener)).cancel)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        found = []
        for path, methods in self.app.openapi()["paths"].items():
            own: dict[str, Any] = {"id": OURS, "n": 0} if path.startswith("/api/logbook/") else {}
            query = "&".join(f"{name}={value}" for name, value in NEEDED.get(path, {}).items())
            address = path.format(**PATHS | own) + (f"?{query}" if query else "")
            found += [(method.upper(), address, said) for method, said in methods.items()]
        return found


del RunsCase  # it is no test
