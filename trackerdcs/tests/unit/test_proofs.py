"""What a proof of interlocks has shown, and how the owners of the outputs learn of it."""

import asyncio
import contextlib
import json
import tempfile
import unittest
from pathlib import Path

from trackerdcs.adapters.proof_reports import last_proofs
from trackerdcs.domain.guarding import examine, read_inputs
from trackerdcs.domain.inputs import Inputs
from trackerdcs.domain.interlock import ConditionConfig, DewPointConfig
from trackerdcs.domain.messages import Frame, Value
from trackerdcs.domain.proving import Report, Shown, offset
from trackerdcs.services.device import follow_proofs
from trackerdcs.tests.waiting import until

AIR = DewPointConfig("env1.t_air", "env1.rh", 0.5, 2.0)


class Offsets(unittest.TestCase):
    def test_a_sensor_that_is_off_by_so_much_violates_the_condition(self) -> None:
        values = {"env1.rh": 40.0, "env1.t_air": 21.0, "env1.t_plate": 25.0}
        for c in (
            ConditionConfig("env1.rh", "never", max=60.0, accuracy=2.0, hysteresis=5.0),
            ConditionConfig("env1.rh", "never", max=99.0, accuracy=2.0),
            ConditionConfig("env1.rh", "never", min=10.0),
            ConditionConfig("env1.t_air", "never", min=-50.0, max=50.0, low=-60.0, high=60.0),
            ConditionConfig("env1.t_air", "never", max=0.0),
            ConditionConfig("env1.t_air", "never", dew_point=AIR, margin=5.0),
            ConditionConfig("env1.t_plate", "never", dew_point=AIR, margin=5.0, hysteresis=1.0),
        ):
            with self.subTest(c):
                found = offset(c, values)
                assert found is not None
                wrong = values | {found[0]: values[found[0]] + found[1]}
                inputs = Inputs({"env1": 1.0}, frozenset(values))
                said: dict[str, Value] = {of.partition(".")[2]: value for of, value in wrong.items()}
                inputs.hear("env1", Frame(1, 0, "b", "1", "env", {"-": said}), 0.0)
                self.assertEqual(examine(c, read_inputs(c, inputs, 0.0), False).verdict, "broken")

    def test_where_there_is_no_such_value(self) -> None:
        self.assertIsNone(offset(ConditionConfig("env1.rh", "never", max=100.0), {"env1.rh": 40.0}))
        self.assertIsNone(offset(ConditionConfig("env1.rh", "never", max=60.0), {}))
        self.assertIsNone(offset(ConditionConfig("lv1.ch1.on", "never", equals=True), {"lv1.ch1.on": 1.0}))


class Reports(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def leave(self, name: str, ts: str, proven: object) -> None:
        text = json.dumps({"ts": ts, "how": "pretended", "proven": proven})
        (self.folder / f"proof-{name}.json").write_text(text)

    def test_an_output_is_proven_if_all_its_interlocks_are(self) -> None:
        shown = [Shown(name, "c", "violation", ok, "") for name, ok in (("a", True), ("b", True), ("b", False))]
        report = Report("s", "t", "simulated", "", tuple(shown))
        self.assertEqual(report.proven({"a": ["hv1.ch0", "hv1.ch1"], "b": ["hv1.ch1"]}), ["hv1.ch0"])
        self.assertEqual(report.proven({"a": ["hv1.ch0"], "c": ["hv1.ch0"]}), [], "c was not proven at all")

    def test_the_newest_report_counts_and_a_spoilt_one_proves_nothing(self) -> None:
        self.leave("1", "2026-01-01", ["hv1.ch0", "hv1.ch1", "hv2.ch0"])
        self.leave("2", "2026-02-02", ["hv1.ch1"])
        for n, spoilt in enumerate(("", "{", "[]", '{"ts": 1, "how": 2, "proven": 3}', '{"ts": "x", "how": "y"}')):
            (self.folder / f"proof-9{n}.json").write_text(spoilt)
        (self.folder / "proof-95.json").write_text(9999 * "[")
        (self.folder / "proof-0.json").write_text('{"ts": "\\ud800", "how": "x", "proven": ["hv1.ch2"]}')
        expected = {
            "ch0": "2026-01-01 (pretended)",
            "ch1": "2026-02-02 (pretended)",
            "ch2": "\\ud800 (x)",  # half a character would end whoever says it
        }
        self.assertEqual(last_proofs(self.folder, "hv1"), expected)
        self.assertEqual(last_proofs(self.folder / "none", "hv1"), {})

    async def test_a_new_report_is_told_while_a_device_runs(self) -> None:
        told: list[dict[str, str]] = []
        following = asyncio.create_task(follow_proofs(self.folder, "hv1", told.append, every=0.02))
        self.leave("1", "2026-01-01", ["hv1.ch0"])
        await until(lambda: len(told) == 1)
        self.leave("2", "2026-02-02", ["hv1.ch0"])
        await until(lambda: len(told) == 2)
        self.assertEqual(told[1], {"ch0": "2026-02-02 (pretended)"})
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
