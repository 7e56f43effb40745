"""Messages refuse what would be no identity, no name or no number in the database."""

import dataclasses
import unittest
from typing import Any

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.messages import FINAL, MESSAGES, Command, Frame
from trackerdcs.domain.topics import DEVICE_LEAVES
from trackerdcs.tests.made_messages import wire_fields


def frame(**fields: Any) -> Frame:
    base: dict[str, Any] = {"ts": 1, "seq": 0, "boot": "b", "sw": "1", "kind": "hv", "ch": {}}
    return Frame(**(base | fields))


class Frames(unittest.TestCase):
    def test_identity(self) -> None:
        for fields in ({"ts": 0}, {"ts": -1}, {"seq": -1}, {"boot": ""}):
            with self.subTest(fields), self.assertRaisesRegex(ContractError, "no identity"):
                frame(**fields)

    def test_the_kind_is_a_measurement_of_its_own(self) -> None:
        for kind in ("", "HV", "h v", "frames", "hv\n"):
            with self.subTest(kind), self.assertRaisesRegex(ContractError, "kind"):
                frame(kind=kind)

    def test_channels_and_quantities_are_names(self) -> None:
        frame(ch={"-": {"t_air": 21.0}, "ch0": {"v_mon": 1.0}})
        for group in ("ch", "bad", "unc"):
            bad: Any
            for bad in ({"CH0": {"v_mon": 1.0}}, {"": {}}, {"--": {}}, {"ch0": {"V": 1.0}}, {"ch0": {"-": 1.0}}):
                with self.subTest(group=group, bad=bad), self.assertRaisesRegex(ContractError, "no name"):
                    frame(**{group: bad})

    def test_only_the_state_is_a_text(self) -> None:
        frame(ch={"ch0": {"state": "on", "v_mon": 1.0, "on": True}})
        for quantity, value in (("v_mon", "n/a"), ("state", 1.0), ("state", True)):
            with (
                self.subTest(quantity, value=value),
                self.assertRaisesRegex(ContractError, f"ch0.{quantity}: only state"),
            ):
                frame(ch={"ch0": {quantity: value}})


class Others(unittest.TestCase):
    def test_an_id_has_1_to_64_characters(self) -> None:
        for length in (0, 65):
            with self.subTest(length), self.assertRaisesRegex(ContractError, "1 to 64"):
                Command("i" * length, "on", 1, 2)
        self.assertEqual(Command("i" * 64, "on", 1, 2).ch, "-")

    def test_every_leaf_of_a_device_has_its_message(self) -> None:
        self.assertEqual(set(MESSAGES), DEVICE_LEAVES | {"cmd", "interlock", "alarm", "run"})

    def test_all_messages_are_frozen_and_versioned(self) -> None:
        for message in MESSAGES.values():
            self.assertIn("v", wire_fields(message))
            self.assertNotIn("extra", wire_fields(message))
            self.assertTrue(message.__dataclass_params__.frozen)  # type: ignore[attr-defined]
        with self.assertRaises(dataclasses.FrozenInstanceError):
            frame().seq = 3  # type: ignore[misc]

    def test_accepted_is_not_final(self) -> None:
        self.assertEqual(FINAL, {"refused", "done", "failed", "expired"})
