"""The table of doc/reference/drivers.md says what the drivers say."""

import re
import unittest
from pathlib import Path

from trackerdcs.drivers.registry import DRIVERS, driver_class
from trackerdcs.tests.scripted_link import ScriptedLink

PAGE = Path(__file__).resolve().parents[3] / "doc" / "reference" / "drivers.md"


def said(name: str) -> list[str]:
    """What a driver's row holds behind the name of its instrument."""
    driver = driver_class(name)(ScriptedLink())
    channels = driver.channels()
    first = next(iter(channels.values()))
    settable = {f"set_{q}" for q in ("voltage", "current_limit", "ramp")} & first.commands.keys()
    told = {"v_set": "set_voltage", "i_limit": "set_current_limit", "ramp_up": "set_ramp", "ramp_down": "set_ramp"}
    ranges = [
        f"{quantity} {row.low:g} to {row.high:g} {row.unit}"
        for quantity, row in first.quantities.items()
        if row.low is not None and (not settable or told.get(quantity) in settable)
    ]
    names = [
        " ".join(f"`{word}`" for word in words)
        for words in (channels, sorted(first.quantities), sorted(first.commands))
    ]
    return [driver.kind, *names[:2], names[2] or "nothing", ", ".join(ranges)]


class TestPage(unittest.TestCase):
    def test_the_table_is_what_the_drivers_say(self) -> None:
        rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
        found = dict(rows)
        for name in DRIVERS:
            with self.subTest(name):
                cells = " | ".join(said(name))
                self.assertEqual(found.pop(name, ""), cells, f"the row is\n| `{name}` | (instrument) | {cells} |")
        self.assertEqual(found, {}, "drivers that there are not")

    def test_each_driver_has_its_part(self) -> None:
        self.assertEqual(sorted(re.findall(r"^## (\w+)$", PAGE.read_text(), re.MULTILINE)), sorted(DRIVERS))
