"""A block gives back the messages that were put into it, or says that it is none."""

import unittest

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.domain.batch import Arrival, pack, unpack
from trackerdcs.domain.errors import ContractError

TOPICS = st.text(st.characters(codec="utf-8"), max_size=30)
CAUSES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
ARRIVALS = st.lists(st.builds(Arrival, TOPICS, st.binary(max_size=50), st.booleans(), CAUSES), max_size=6)
SOME = [
    Arrival("dcs/v1/bench/hv1/frame", b'{"v":1}'),
    Arrival("t", b"", True),
    Arrival("ü/\0", b"\0\0", True, "not MQTT 5: \n"),
    Arrival("", b"\0x", False, "why"),
]


class TestBatch(unittest.TestCase):
    @given(ARRIVALS)
    def test_what_was_packed_comes_out(self, arrivals: list[Arrival]) -> None:
        self.assertEqual(unpack(pack(arrivals)), arrivals)

    def test_a_large_batch(self) -> None:
        arrivals = [Arrival(f"t/{i}", b"%d" % i * 9) for i in range(5000)] + [Arrival("big", b"x" * (1 << 21))]
        self.assertEqual(unpack(pack(arrivals)), arrivals)

    def test_a_block_of_nothing(self) -> None:
        self.assertEqual(unpack(pack([])), [])

    def test_a_block_that_is_cut_or_longer_is_none(self) -> None:
        block = pack(SOME)
        for end in range(len(block)):
            with self.assertRaises(ContractError, msg=end):
                unpack(block[:end])
        with self.assertRaisesRegex(ContractError, f"a block of {len(block) + 1} bytes"):
            unpack(block + b"\0")

    def test_a_number_that_is_absurd_takes_no_memory(self) -> None:
        for number in (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"):
            with self.assertRaises(ContractError):
                unpack(number + pack(SOME)[4:])

    def test_a_topic_that_is_no_text_is_none(self) -> None:
        with self.assertRaisesRegex(ContractError, "utf-8"):
            unpack(pack([Arrival("abc", b"")]).replace(b"abc", b"\xff\xff\xff"))

    @given(st.integers(0, 2000), st.binary(min_size=1, max_size=8))
    @settings(max_examples=500)
    def test_a_garbled_block_is_other_messages_or_none(self, at: int, new: bytes) -> None:
        block = bytearray(pack(SOME))
        block[at % len(block) : at % len(block) + len(new)] = new
        try:
            arrivals = unpack(bytes(block))
        except ContractError:
            return
        self.assertTrue(all(isinstance(a.topic, str) and isinstance(a.payload, bytes) for a in arrivals))

    @given(st.binary(max_size=200))
    def test_any_bytes(self, block: bytes) -> None:
        try:
            unpack(block)
        except ContractError:
            return
