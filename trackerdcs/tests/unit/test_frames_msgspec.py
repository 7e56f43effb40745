"""The fast reader of frames says exactly what the strict one says, or nothing: the archive rests on this."""

import dataclasses
import unittest
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.adapters.frames_msgspec import KNOWN, _names, frame_reader
from trackerdcs.domain.codec import encode
from trackerdcs.domain.intake import Intake, take_in
from trackerdcs.domain.messages import Frame
from trackerdcs.tests.made_messages import CHANNELS, FRAMES, NAMES, NUMBERS, TEXT, VALUES

TOPIC = "dcs/v1/bench/hv1/frame"
PLAIN = (
    b'{"v":1,"ts":1700000000000000000,"seq":7,"boot":"b1","sw":"1","kind":"hv",'
    b'"ch":{"ch0":{"v_mon":-1.5,"on":true,"state":"ok"}},"mod":{"ch0":"m1"}}'
)
OLD = frame_reader("bench", "hv1")
"""A reader that has read all examples before: what it remembers must change nothing."""


def readable(text: str) -> bool:
    return text.isprintable() and ":" not in text


MODULES = TEXT.filter(readable)
PLAIN_FRAMES = st.builds(
    Frame,
    ts=st.integers(1, 2**63 - 1),
    seq=st.integers(0, 2**53),
    boot=MODULES.filter(bool),
    sw=TEXT.filter(lambda text: ":" not in text),
    kind=NAMES.filter(lambda name: name != "frames"),
    ch=st.dictionaries(
        CHANNELS,
        st.dictionaries(NAMES.filter(lambda name: name != "state"), VALUES, max_size=4).flatmap(
            lambda values: st.sampled_from([values, {**values, "state": "on"}])
        ),
        max_size=4,
    ),
    sim=st.sampled_from([None, True, False]),
    mod=st.dictionaries(CHANNELS, MODULES, max_size=3),
)

DIGITS = st.from_regex(rb"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
ODD_NUMBERS = st.sampled_from(
    [
        *b"-0 -0.0 0e5 1e999 -1e999 1e-999 NaN Infinity -Infinity 01 1. .5 +1 - 1e 0x1 7.0 7e0 1.7e18 4.9e-324".split(),
        *b"9007199254740992 9007199254740993 9223372036854775807 9223372036854775808 18446744073709551615".split(),
        *b"18446744073709551616 -9223372036854775809 1.7976931348623158e308 1.7976931348623159e308".split(),
        *b"2.4703282292062327e-324 2.2250738585072011e-308 123456789012345678901234567890".split(),
        b"0.1000000000000000055511151231257827021181583404541015625",
        *(b"1" + b"0" * 400, b"9" * 5000, b"0." + b"0" * 400 + b"1", b"1" + b"0" * 400 + b"e-400"),
    ]
)
PIECES = st.sampled_from(
    [
        *rb"a Z 0 : , { } [ ] \" \\ \/ \n \u003a \u0000 \ud800 \udfff \ud83d\ude00 \ude00\ud83d \x41 \u12 \U0".split(),
        *(b"\xc3\xa9", b"\xed\xa0\x80", b"\xc0\x80", b"\xff", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8"),
        *(b"\xc2\x85", b"\x01", b"\x7f", b"\n", b"\0", b"\t", b" ", b"::", b"m1", b"ch0"),
    ]
)
TEXTS = st.lists(PIECES, max_size=4).map(lambda pieces: b'"' + b"".join(pieces) + b'"')
ATOMS = st.one_of(DIGITS, ODD_NUMBERS, TEXTS, st.sampled_from(b'true false null tru nul "" {} [] "x"'.split()))
SPACE = st.sampled_from([b"", b"", b"", b" ", b"\n", b"\t\r "])
NO_SPACE = st.sampled_from([b"\x0c", b"\xc2\xa0", b"\xef\xbb\xbf", b"\0", b",", b":"])
KEYS = st.one_of(
    TEXTS,
    st.sampled_from(b'"v" "ts" "seq" "ch" "mod" "bad" "unc" "runs" "sim" "zz" "ch0" "-" "state" "s\\u0077"'.split()),
)


def listed(items: st.SearchStrategy[bytes], ends: tuple[bytes, bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(items, max_size=3).map(lambda parts: ends[0] + b",".join(parts) + ends[1])


JUNK: st.SearchStrategy[bytes] = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        listed(inner, (b"[", b"]")),
        listed(st.tuples(KEYS, inner).map(b":".join), (b"{", b"}")),
    ),
    max_leaves=5,
)
GOOD: dict[str, list[bytes]] = {
    "v": [b"1"],
    "ts": [b"1700000000000000000", b"1", b"9223372036854775807"],
    "seq": [b"0", b"7", b"9007199254740992", b"-0"],
    "boot": [b'"b1"', b'"\xc3\x9f"', b'"' + b"b" * 64 + b'"'],
    "sw": [b'"1"', b'""', rb'"\u0000"'],
    "kind": [b'"hv"', b'"env-2"'],
    "sim": [b"true", b"null"],
}
OPTIONAL = {"sim": [b"true", b"false", b"null"], "bad": [b"{}"], "unc": [b"{}"], "runs": [b"{}"], "zz": [b"1"]}


def mostly(good: st.SearchStrategy[bytes], odd: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.integers(0, 14).flatmap(lambda number: good if number else odd)


@st.composite
def objects(draw: st.DrawFn, keys: list[bytes], values: st.SearchStrategy[bytes]) -> bytes:
    """An object some keys of which are absent, and now and then one is strange or stands twice."""
    names = [draw(mostly(st.just(key), KEYS)) for key in keys if draw(st.booleans())]
    if names and not draw(st.integers(0, 14)):
        names.append(draw(st.sampled_from(names)))
    return written(draw, [(name, draw(values)) for name in names])


def written(draw: st.DrawFn, pairs: list[tuple[bytes, bytes]]) -> bytes:
    parts = [b"".join((draw(SPACE), key, draw(SPACE), b":", draw(SPACE), value, draw(SPACE))) for key, value in pairs]
    return b"{" + b",".join(parts) + b"}"


VALUES_OF_CHANNEL = objects(
    [b'"v_mon"', b'"on"', b'"i"'],
    mostly(st.one_of(DIGITS, st.sampled_from([b"true", b"false", b"1", b"1.5"])), st.one_of(ODD_NUMBERS, TEXTS)),
)
STATES = objects([b'"state"'], mostly(st.sampled_from([b'"on"', b'""', rb'"\u003a"']), TEXTS))


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """Nearly a frame: mostly one or two things are wrong with it."""
    pairs = {key: draw(st.sampled_from(values)) for key, values in GOOD.items() if key != "sim"}
    pairs["ch"] = draw(objects([b'"ch0"', b'"-"', b'"ch1"'], st.one_of(VALUES_OF_CHANNEL, STATES)))
    if draw(st.booleans()):
        pairs["mod"] = draw(objects([b'"ch0"', b'"absent"'], mostly(st.sampled_from([b'"m1"', b'""']), TEXTS)))
    for key, values in OPTIONAL.items():
        if not draw(st.integers(0, 5)):
            pairs[key] = draw(st.sampled_from(values))
    items = [(b'"%s"' % key.encode(), value) for key, value in pairs.items()]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        place = draw(st.integers(0, len(items) - 1))
        name, text = items[place]
        match draw(st.integers(0, 4)):
            case 0:
                items[place] = name, draw(ATOMS)
            case 1:
                items[place] = name, draw(JUNK)
            case 2:
                items.insert(draw(st.integers(0, len(items))), (name, draw(st.one_of(st.just(text), ATOMS))))
            case 3:
                items[place] = draw(KEYS), text
            case 4:
                items.insert(place, (draw(KEYS), draw(JUNK)))
    ends = mostly(SPACE, NO_SPACE)
    return draw(ends) + written(draw, draw(st.permutations(items))) + draw(ends)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A frame with a few other bytes."""
    payload = bytearray(PLAIN)
    for _ in range(draw(st.integers(1, 3))):
        at, new = draw(st.integers(0, len(payload))), draw(st.one_of(st.binary(max_size=2), ATOMS))
        payload[at : at + draw(st.integers(0, 2))] = new
    return bytes(payload)


class TestFrameReader(unittest.TestCase):
    def check(self, payload: bytes) -> Intake | None:
        """What the fast reader says, which is what the other one says, down to the sign of a zero."""
        fast, slow = frame_reader("bench", "hv1")(payload), take_in(TOPIC, payload)
        old = OLD(payload)
        self.assertEqual(repr(fast), repr(old))
        if fast is not None:
            self.assertEqual(fast, slow)
            self.assertEqual(repr(fast), repr(slow))
        return fast

    @given(FRAMES)
    @settings(deadline=None)
    def test_any_frame_reads_the_same(self, frame: Frame) -> None:
        self.check(encode(frame))

    @given(PLAIN_FRAMES)
    @settings(deadline=None, max_examples=200)
    def test_plain_frames_take_the_fast_way(self, frame: Frame) -> None:
        self.assertIsNotNone(self.check(encode(frame)))

    @given(PLAIN_FRAMES, st.sampled_from(["bad", "unc"]))
    @settings(deadline=None)
    def test_frames_with_reasons_are_left_to_the_codec(self, frame: Frame, key: str) -> None:
        changes: dict[str, Any] = {key: {"ch0": {"v_mon": "overrange"}}}
        self.assertIsNone(self.check(encode(dataclasses.replace(frame, **changes))))

    @given(hostile())
    @settings(deadline=None, max_examples=200)
    def test_nearly_a_frame(self, payload: bytes) -> None:
        self.check(payload)

    @given(damaged())
    @settings(deadline=None, max_examples=200)
    def test_a_damaged_frame(self, payload: bytes) -> None:
        self.check(payload)

    @given(st.one_of(st.binary(max_size=60), JUNK))
    @settings(deadline=None)
    def test_no_frame_at_all(self, payload: bytes) -> None:
        self.assertIsNone(self.check(payload))

    @given(NUMBERS, DIGITS)
    @settings(deadline=None, max_examples=200)
    def test_numbers_to_the_last_bit(self, number: float, digits: bytes) -> None:
        for text in (repr(number).encode(), b"%.25e" % number, digits):
            self.check(PLAIN.replace(b"-1.5", text))

    def test_what_is_and_what_is_not_read_fast(self) -> None:
        for old, new, fast in [
            (b"-1.5", b"-0", True),
            (b"-1.5", b"123456789012345678901234567890", True),
            (b"-1.5", b"1e999", False),
            (b"-1.5", b"1" + b"0" * 310, False),
            (b"-1.5", b"null", False),
            (b"-1.5", b'"text"', False),
            (b'"seq":7', b'"seq":7.0', False),
            (b'"seq":7', b'"seq":9007199254740993', False),
            (b'"seq":7', b'"seq":7,"seq":7', False),
            (b'"v":1', b'"v":1.0', False),
            (b'"v":1', b'"v":true', False),
            (b'"v":1', b'"v":2', False),
            (b'"v":1', b'"v":1,"w":{"a":[1]}', False),
            (b"1700000000000000000", b"0", False),
            (b"1700000000000000000", b"9223372036854775808", False),
            (b'"on":true', b'"v_mon":true', False),
            (b'"on":true', b'"V":true', False),
            (b'"state":"ok"', b'"state":1', False),
            (b'"state":"ok"', b'"state":"a:b"', False),
            (b'"state":"ok"', rb'"state":"a\u003ab"', True),
            (b'"sw":"1"', rb'"s\u0077":"1"', True),
            (b'"sw":"1"', b'"sw":"\xed\xa0\x80"', False),
            (b'"sw":"1"', b'"sw":"\xff"', False),
            (b'"sw":"1"', rb'"sw":"\ud800"', False),
            (b'"hv"', b'"frames"', False),
            (b'{"ch0":"m1"}', rb'{"ch0":"m\n"}', False),
            (b'{"ch0":"m1"}', rb'{"absent":"m\n"}', False),
            (b'{"ch0":"m1"}', b'{"absent":"m1"}', True),
            (b'{"ch0":"m1"}', b'{"ch0":""}', True),
            (b'{"ch0":"m1"}', b'{"ch0":"' + b"m" * 64 + b'"}', True),
            (b'{"ch0":"m1"}', b'{"ch0":"' + b"m" * 65 + b'"}', False),
            (b'{"ch0":"m1"}', b"null", False),
            (b'"b1"', b'"' + b"b" * 65 + b'"', False),
            (b'"b1"', b'""', False),
            (PLAIN[-1:], b"} \r\n", True),
            (PLAIN[-1:], b"}\0", False),
            (PLAIN[:1], b"\xef\xbb\xbf{", False),
            (b'"v"', b" \t\n\r" * 1000 + b'"v"', True),
            (b'"ch":', b'"ch":' + b"[" * 100_000, False),
        ]:
            with self.subTest(old=old[:40], new=new[:40]):
                self.assertIn(old, PLAIN)
                payload = (PLAIN[: -len(old)] + new) if old == PLAIN[-1:] else PLAIN.replace(old, new, 1)
                self.assertEqual(self.check(payload) is not None, fast)

    def test_what_is_remembered_is_bounded_and_forgotten_without_harm(self) -> None:
        read = frame_reader("bench", "hv1")

        def tags(payload: bytes) -> object:
            intake = read(payload)
            assert intake is not None
            return intake.points[0].tags

        first = tags(PLAIN)
        self.assertIs(tags(PLAIN), first)
        for number in range(KNOWN + 1):
            payload = PLAIN.replace(b"v_mon", b"v%d" % number).replace(b"m1", b"m%d" % number)
            intake = read(payload)
            if number % 500 == 0 or number >= KNOWN - 10:
                self.assertEqual(intake, take_in(TOPIC, payload))
        self.assertIsNot(tags(PLAIN), first)
        self.assertEqual(tags(PLAIN), first)
        self.assertLessEqual(len(_names), KNOWN)
