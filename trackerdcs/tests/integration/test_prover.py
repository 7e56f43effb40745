"""A proof of interlocks against a real guard: it finds what works, and what does not."""

import asyncio
from collections.abc import Mapping
from unittest import mock

from trackerdcs.app import guard_commands, prover
from trackerdcs.app.prover import Prover, Ways
from trackerdcs.app.requester import Requester
from trackerdcs.domain.errors import CommandRefused, DeviceError
from trackerdcs.domain.interlock import ConditionConfig
from trackerdcs.domain.proving import Shown
from trackerdcs.services import proof
from trackerdcs.services.proof import GuardWays
from trackerdcs.tests.guard_bench import DEVICES, DRY, PERIOD, GuardCase
from trackerdcs.tests.long import long

GOOD = {"rh": 30.0, "t_air": 20.0}


class Board:
    """Makes the board of the case say what violates a condition, or nothing; `broken`: it cannot."""

    touches_outputs = False

    def __init__(self, case: GuardCase) -> None:
        self._case = case
        self.deaf: set[str] = set()

    async def violate(self, name: str, condition: str, c: ConditionConfig, values: Mapping[str, float]) -> None:
        if condition in self.deaf:
            raise DeviceError("no simulators answer")
        self._case.values = {"rh": 90.0, "t_air": 20.0} if condition == "humid" else {"rh": 30.0, "t_air": 1.0}

    async def silence(self, name: str, condition: str, c: ConditionConfig) -> None:
        self._case.values = None if "silence" not in self.deaf else dict(GOOD)

    async def restore(self) -> None:
        self._case.values = dict(GOOD)


class TestProver(GuardCase):
    async def prove(self, board: Ways) -> list[Shown]:
        requester, told = Requester(self.client, self.clock, "cli", 20.0), list[Shown]()
        proving = Prover("s", DRY, DEVICES, board, self.client, requester, self.clock, told.append)
        shown = await proving.run()
        self.assertEqual(told, shown)
        return shown

    async def test_rule_09_each_condition_opens_and_each_silent_sensor_is_unknown(self) -> None:
        await self.start()
        shown = await self.prove(Board(self))
        self.assertEqual([(s.interlock, s.condition, s.part) for s in shown if not s.ok], [])
        parts = [(s.condition, s.part) for s in shown]
        expected = [("humid", "violation"), ("humid", "silence"), ("cold", "violation"), ("cold", "silence")]
        self.assertEqual(parts, expected)
        self.assertIn("env1.rh 90 % is above 50 %", shown[0].why)
        self.assertEqual(shown[0].outputs, {"hv1.ch0": "off"})
        await self.state("ok")

    async def test_on_a_real_stand_the_guard_pretends_and_only_while_all_is_off(self) -> None:
        await self.start()
        ways = GuardWays("s", Requester(self.client, self.clock, "cli", 20.0))
        with mock.patch.object(guard_commands, "PROOF", 0.4), mock.patch.object(proof, "PRETENCE", 0.6):
            shown = await self.prove(ways)
            self.assertEqual([s.why for s in shown if not s.ok], [])
            self.assertEqual(len(shown), 4)
            self.assertEqual(shown[0].why, "humid: pretended for a proof")
            self.hv_on = True
            await asyncio.sleep(3 * PERIOD)
            refused = await self.prove(ways)
        self.assertEqual([s.why for s in refused], 4 * ["hv1.ch0 must be off for a proof: it is on"])

    @long
    async def test_what_does_not_do_what_it_must_is_found(self) -> None:
        await self.start()
        board = Board(self)
        board.deaf = {"cold", "silence"}
        with mock.patch.object(prover, "PATIENCE", 0.5):
            shown = await self.prove(board)
        self.assertEqual([s.ok for s in shown], [True, False, False, False])
        self.assertIn("expected unknown, it is ok", shown[1].why)
        self.assertEqual(shown[2].why, "no simulators answer")

    async def test_it_begins_only_where_all_is_well(self) -> None:
        with mock.patch.object(prover, "PATIENCE", 0.1):
            with self.assertRaisesRegex(CommandRefused, "not heard: is the guard running"):
                await self.prove(Board(self))
            self.values = {"rh": 90.0, "t_air": 20.0}
            await self.start()
            await self.state("open")
            with self.assertRaisesRegex(CommandRefused, "interlock dry is open: a proof begins where all is well"):
                await self.prove(Board(self))
        await asyncio.sleep(0)
