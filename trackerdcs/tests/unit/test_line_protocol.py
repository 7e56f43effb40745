"""Line protocol: what Telegraf and InfluxDB write is read, and what is broken is named by line and field."""

import unittest

from hypothesis import given
from hypothesis import strategies as st

from trackerdcs.adapters.series_influx_lines import line
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.line_protocol import Line, lines_of, series_of
from trackerdcs.domain.series import FieldValue, Point
from trackerdcs.domain.storing import LAST, complaint

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\\"), min_size=1)
VALUES = st.floats(-1e300, 1e300) | st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)
POINTS = st.builds(
    Point,
    NAMES,
    st.dictionaries(NAMES, NAMES, max_size=3).map(lambda tags: tuple(tags.items())),
    st.integers(0, LAST - 1),
    st.dictionaries(NAMES, VALUES, min_size=1, max_size=4),
).filter(lambda point: complaint(point) is None)


def read(payload: str | bytes) -> list[Line]:
    return list(lines_of(payload.encode() if isinstance(payload, str) else payload))


class Good(unittest.TestCase):
    def fields(self, text: str) -> dict[str, FieldValue]:
        (only,) = read(f"m {text}")
        return only.fields

    def test_several_lines_comments_and_empty_ones(self) -> None:
        payload = "# from telegraf\ncpu,host=a idle=1 17\r\n\n  \nmem free=2i\n# the end\nswap used=3u -5"
        self.assertEqual(
            read(payload),
            [
                Line("cpu,host=a", {"idle": 1.0}, 17, 2),
                Line("mem", {"free": 2.0}, None, 5),
                Line("swap", {"used": 3.0}, -5, 7),
            ],
        )
        self.assertEqual(read(""), [])
        self.assertEqual(read("# nothing\n \r\n"), [])

    def test_values(self) -> None:
        numbers = "a=1,b=1.5,c=-1.25e+3,d=1E-3,e=.5,f=2.,g=-12i,h=12u,i=+3"
        expected = [1.0, 1.5, -1250.0, 0.001, 0.5, 2.0, -12.0, 12.0, 3.0]
        self.assertEqual(self.fields(numbers), dict(zip("abcdefghi", expected, strict=True)))
        for text in ("t", "T", "true", "True", "TRUE"):
            self.assertEqual(self.fields(f"a={text}"), {"a": 1.0})
        for text in ("f", "F", "false", "False", "FALSE"):
            self.assertEqual(self.fields(f"a={text}"), {"a": 0.0})

    def test_texts(self) -> None:
        for written, text in (
            ('""', ""),
            ('"on"', "on"),
            ('"a b,c=d"', "a b,c=d"),
            ('"say \\"hi\\""', 'say "hi"'),
            ('"c:\\\\temp\\x"', "c:\\temp\\x"),
            ('"two\nlines"', "two\nlines"),
            ('"\u00b5"', "\u00b5"),
        ):
            with self.subTest(written):
                self.assertEqual(self.fields(f"a={written},b=1"), {"a": text, "b": 1.0})

    def test_escapes(self) -> None:
        (only,) = read(r'a\ b\,c=d,t\ 1=x\,y\=z f\ \=\,="1" 7')
        self.assertEqual(series_of(only.head), ("a b,c=d", {"t 1": "x,y=z"}))
        self.assertEqual((only.fields, only.time), ({"f =,": "1"}, 7))


class Bad(unittest.TestCase):
    def test_it_is_named_by_line_and_field(self) -> None:
        for payload, why in (
            ("cpu", "line 1: expected measurement,tags fields, got 'cpu'"),
            ("cpu idle=1\ncpu,host=a\n", "line 2: expected measurement,tags fields, got 'cpu,host=a.n'"),
            ("cpu ", "line 1: expected field=value, got ''"),
            ("cpu idle", "line 1: expected field=value, got 'idle'"),
            ("cpu idle=", "line 1: expected field=value, got 'idle='"),
            ("cpu =1", "line 1: expected field=value, got '=1'"),
            ("cpu idle=1,", "line 1: expected field=value, got ''"),
            (r"cpu a\=1", r"line 1: expected field=value, got 'a...1'"),
            ('cpu idle="x', "line 1: expected field=value"),
            ('cpu idle="x"y', "line 1: expected a time and the end of the line, got 'y'"),
            ("cpu idle=1 now", "line 1: expected a time and the end of the line, got ' now'"),
            ("cpu idle=1 1.5", "line 1: expected a time and the end of the line, got ' 1.5'"),
            ("cpu idle=1 1 2", "line 1: expected a time and the end of the line, got ' 1 2'"),
            ("cpu idle=1,idle=2", "line 1: field idle: stands twice"),
        ):
            with self.subTest(payload):
                self.assertRaisesRegex(ContractError, f"^{why}", read, payload)
        for value in ("1.5i", "-1u", "nan", "inf", "1_0", "0x10", "yes", "1e999", "1e5i", "\u0661", "9" * 400):
            with self.subTest(value):
                why = "^line 1: field a: expected a number, a truth or a text in quotes, got "
                self.assertRaisesRegex(ContractError, why, read, f"m a={value}")
        self.assertRaisesRegex(ContractError, "^not UTF-8: ", read, b"cpu idle=\xff")

    def test_tags(self) -> None:
        for head, why in (
            ("cpu,", "tag '': expected name=text"),
            ("cpu,host", "tag 'host': expected name=text"),
            ("cpu,host=", "tag 'host=': expected name=text"),
            ("cpu,=a", "tag '=a': expected name=text"),
            ("cpu,host=a=b", "tag 'host=a=b': expected name=text"),
            ("cpu,host=a,host=b", "tag host: stands twice"),
        ):
            with self.subTest(head):
                self.assertRaisesRegex(ContractError, f"^{why}", series_of, head)

    def test_a_long_line_that_is_none_takes_no_longer_than_others(self) -> None:
        for piece in ("a", "\\", "\\,", "\\=", 'a="', "a=1,", " ", "\\ ", "\t", '"'):
            with self.subTest(piece), self.assertRaises(ContractError):
                read(f"m {piece * 100_000}a")


class AgainstAWriter(unittest.TestCase):
    @given(st.lists(POINTS, max_size=4))
    def test_what_was_written_is_read(self, points: list[Point]) -> None:
        read_back = []
        for each in lines_of("\n".join(line(point) for point in points).encode()):
            measurement, tags = series_of(each.head)
            assert each.time is not None
            read_back.append(Point(measurement, tuple(tags.items()), each.time, each.fields))
        self.assertEqual(read_back, [Point(p.measurement, tuple(sorted(p.tags)), p.ts, p.fields) for p in points])

    @given(st.binary() | st.text(alphabet='a,= \\"\n#1it').map(str.encode))
    def test_anything_else_is_a_contract_error(self, payload: bytes) -> None:
        try:
            for each in lines_of(payload):
                series_of(each.head)
        except ContractError as e:
            self.assertTrue(str(e))
