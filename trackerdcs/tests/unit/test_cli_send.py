"""What `trackerdcs send` makes of what is typed."""

import tempfile
import unittest
from pathlib import Path

import typer

from trackerdcs.cli.clients import place
from trackerdcs.cli.send import arguments
from trackerdcs.domain.errors import ConfigError


class Arguments(unittest.TestCase):
    def test_numbers_are_numbers_and_anything_else_is_text(self) -> None:
        for text, value in [
            ("-50", -50.0),
            ("+5", 5.0),
            ("2e-5", 2e-5),
            (".5", 0.5),
            ("1.", 1.0),
            ("true", "true"),
            ("-50V", "-50V"),
            ("1_000", "1_000"),
            ("0x10", "0x10"),
            ("1,5", "1,5"),
            ("٣", "٣"),
            ("", ""),
            ("a=b", "a=b"),
            ('"42"', "42"),
            ('"', '"'),
            ("nano", "nano"),
        ]:
            with self.subTest(text):
                (got,) = arguments([f"v={text}"]).values()
                self.assertEqual((got, type(got)), (value, type(value)))

    def test_several(self) -> None:
        self.assertEqual(arguments(["up=10", "down=20"]), {"up": 10.0, "down": 20.0})

    def test_what_no_device_could_be_given(self) -> None:
        for text in ("nan", "NaN", "-nan", "inf", "-Inf", "+infinity", "1e999", "-1e999"):
            with self.subTest(text), self.assertRaisesRegex(typer.BadParameter, "nothing was sent"):
                arguments([f"v={text}"])

    def test_what_is_no_argument(self) -> None:
        for pairs, why in [(["v"], "expected NAME=VALUE"), (["=5"], "expected NAME"), (["v=1", "v=2"], "given twice")]:
            with self.subTest(pairs), self.assertRaisesRegex(typer.BadParameter, why):
                arguments(pairs)


class TheBroker(unittest.TestCase):
    def test_as_the_stand_file_says_or_another(self) -> None:
        self.assertEqual(place(None, None).broker, "127.0.0.1:1883")
        for text, host, port in [("lab.example:8883", "lab.example", 8883), ("[::1]:1884", "::1", 1884)]:
            bus = place(None, text).stand.bus
            self.assertEqual((bus.host, bus.port), (host, port))

    def test_what_is_none(self) -> None:
        for text in ("lab", "lab:", ":1883", "lab:x", "lab:0", "lab:65536", "lab:-1", "lab:١"):
            with self.subTest(text), self.assertRaisesRegex(typer.BadParameter, "expected HOST:PORT"):
                place(None, text)

    def test_a_bad_stand_file_stands_in_nobodys_way_to_off(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as bad:
            bad.write("stand: [")
            bad.flush()
            with self.assertRaisesRegex(ConfigError, "--broker HOST:PORT does without it"):
                place(Path(bad.name), None, without=True)
            self.assertEqual(place(Path(bad.name), "lab:1884", without=True).broker, "lab:1884")
            with self.assertRaises(ConfigError):
                place(Path(bad.name), "lab:1884")


if __name__ == "__main__":
    unittest.main()
