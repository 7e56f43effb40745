"""Every route of the document is called as the document describes it, and as it does not, on the real HTTP server.

TRACKERDCS_LONG: many more examples, others each time."""

import asyncio
import os
import unittest
from collections import Counter
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from trackerdcs.adapters.bus_memory import MemoryBus
from trackerdcs.tests.fake_device import FakeDevice
from trackerdcs.tests.unit.test_web_runs import PATHS
from trackerdcs.tests.waiting import until
from trackerdcs.tests.web_case import PASSWORD
from trackerdcs.tests.whole_web_case import NEEDED, OURS, WholeCase

LONG = bool(os.environ.get("TRACKERDCS_LONG"))
EXAMPLES = 500 if LONG else 12
"""Of each route, and as many again that are wrong on purpose."""
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]

CHOOSY = {"set_world", "write_entry"}
"""What they take is said in words only: chance seldom meets it."""


class TestDocument(WholeCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        device = FakeDevice(
            await self.enterAsyncContext(MemoryBus(self.broker, "hv1")), ["refused"], "bench", "hv1", "web"
        )
        await self.enterAsyncContext(device)
        await device.is_there()
        await until(lambda: self.parts.hub.meta("bench", "hv1"))

    async def test_each_route_answers_as_its_document_says(self) -> None:
        url = await self.served()
        async with httpx.AsyncClient(base_url=url) as client:
            await client.post("/login", data={"name": "admin", "password": PASSWORD}, headers={"Origin": url})
            headers = {"Origin": url, "Cookie": f"trackerdcs={client.cookies['trackerdcs']}"}
        await asyncio.to_thread(self._walk, url, headers)

    def _walk(self, url: str, headers: dict[str, str]) -> None:
        schema = schemathesis.openapi.from_dict(self.app.openapi())
        operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
        self.assertEqual(len(operations), len(self.operations()))
        for operation in operations:
            takes = operation.body or any(p.location != "path" for p in operation.iter_parameters())
            for mode in MODES if takes else MODES[:1]:  # every text is a name in a path
                with self.subTest(f"{operation.label}, {mode.value}"):
                    self._call(operation, mode, url, headers)

    def _call(self, operation: Any, mode: GenerationMode, url: str, headers: dict[str, str]) -> None:
        there = PATHS | ({"id": OURS, "n": 0} if "/logbook/" in operation.path else {})
        statuses = Counter[int]()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
        def call(case: Any, known: bool) -> None:
            if known:  # else hardly anything is looked at behind the path
                case.path_parameters = {name: there[name] for name in case.path_parameters or {}}
                if mode is GenerationMode.POSITIVE:
                    case.query = dict(case.query or {}) | NEEDED.get(operation.path, {})
                    if operation.path.endswith("/commands") and isinstance(case.body, dict):
                        case.body |= {"cmd": "off", "ch": "ch0"}
            answer = case.call(base_url=url, headers=headers)
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        (call if LONG else seed(8)(call))()
        if mode is GenerationMode.POSITIVE and operation.definition.raw["operationId"] not in CHOOSY:
            self.assertTrue(statuses.keys() & {200, 201, 202}, f"nothing was ever done: {statuses}")
        if os.environ.get("TRACKERDCS_SHOWN"):
            print(operation.label, mode.value, dict(statuses))


del WholeCase  # it is no test

if __name__ == "__main__":
    unittest.main()
