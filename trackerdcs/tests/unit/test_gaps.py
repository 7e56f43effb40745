"""What is known of a boot's frames, against the slow obvious way to work it out."""

import unittest
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from trackerdcs.domain.gaps import FATES, ON_ITS_WAY_S, Piece, account, accounts, merged

S = 10**9
T = 1_700_000_000 * S
LATER = T + 10_000 * S
pieces = st.lists(
    st.builds(
        lambda fate, first, length: Piece(
            "demo", "hv1", "b", fate, first, first + length, T + first, T + first + length
        ),
        st.sampled_from(FATES),
        st.integers(0, 30),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=12,
)


def stored(first: int, last: int, at: int = T) -> Piece:
    """Frames of 1 Hz, the first of them at T."""
    return Piece("demo", "hv1", "b", "stored", first, last, T + first * S, T + last * S, at, at)


class TestAccount(unittest.TestCase):
    @settings(max_examples=100)
    @given(pieces)
    def test_each_frame_has_one_fate(self, found: list[Piece]) -> None:
        truth: dict[int, str] = dict.fromkeys(range(max(p.last for p in found) + 1), "missing")
        for fate in reversed(FATES):
            for p in found:
                truth.update(dict.fromkeys(range(p.first, p.last + 1), fate) if p.fate == fate else {})
        told = account(found, 0, LATER)
        spans = {seq: span.fate for span in told.spans for seq in range(span.first, span.last + 1)}
        self.assertEqual(spans, {seq: fate for seq, fate in truth.items() if fate != "stored"})
        self.assertEqual(sum(span.frames for span in told.spans), len(spans), "none is told twice")
        self.assertEqual(told.stored, len(truth) - len(spans))

    def test_a_gap_has_the_times_of_its_neighbours(self) -> None:
        lost = Piece("demo", "hv1", "b", "lost", 12, 13, cause="disk full")
        told = account([stored(0, 9), lost, stored(20, 30)], 0, LATER)
        self.assertEqual((told.begin, told.end), (T, T + 30 * S))
        self.assertEqual([(s.fate, s.first, s.last) for s in told.spans][:2], [("missing", 10, 11), ("lost", 12, 13)])
        self.assertEqual({(s.after, s.before) for s in told.spans}, {(T + 9 * S, T + 20 * S)})
        self.assertEqual(told.spans[1].cause, "disk full")

    def test_a_gap_that_is_young_or_shrinks_is_on_its_way(self) -> None:
        for old, new, now, fate in [
            (T, T + S, T + S, "on its way"),
            (T, T + S, T + (ON_ITS_WAY_S + 2) * S, "missing"),
            (T + 1000 * S, T + S, T + 1001 * S, "on its way"),  # the older side grows: a replay
        ]:
            before, after = replace(stored(0, 9), until=old), replace(stored(20, 30), since=new, until=now)
            with self.subTest(fate, old=old):
                self.assertEqual([s.fate for s in account([before, after], 0, now).spans], [fate])

    def test_what_was_before_the_record_is_not_missing(self) -> None:
        for begun, expected in [
            (T + 200 * S, [("before the record", 0, 99)]),  # its first frame is older than the record
            (T + 90 * S, [("before the record", 0, 91), ("missing", 92, 99)]),
            (T - 3 * S, [("missing", 0, 99)]),
        ]:
            with self.subTest(begun=begun - T):
                spans = account([stored(100, 150)], begun, LATER).spans
                self.assertEqual([(s.fate, s.first, s.last) for s in spans], expected)
        for begun, fate in [(T, "missing"), (T + 101 * S, "before the record")]:
            self.assertEqual([s.fate for s in account([stored(100, 100)], begun, LATER).spans], [fate])

    def test_a_device_without_times_and_one_for_each_boot(self) -> None:
        other = replace(stored(0, 1), boot="c", first_ts=None, last_ts=None)
        first, second = accounts([stored(0, 3), other], 0, LATER)
        self.assertEqual((first.boot, first.begin, first.stored), ("c", None, 2))
        self.assertEqual((second.boot, second.stored, second.spans), ("b", 4, ()))


class TestMerged(unittest.TestCase):
    @settings(max_examples=100)
    @given(pieces)
    def test_nothing_is_added_or_left_out(self, found: list[Piece]) -> None:
        joined = merged(found)
        for fate in FATES:
            want = {n for p in found if p.fate == fate for n in range(p.first, p.last + 1)}
            have = [(p.first, p.last) for p in joined if p.fate == fate]
            self.assertEqual({n for first, last in have for n in range(first, last + 1)}, want)
            self.assertTrue(all(b[0] > a[1] + 1 for a, b in pairwise(have)), "ranges are merged")
        self.assertEqual({p.first_ts for p in joined}, {T + p.first for p in joined})
        self.assertEqual({p.last_ts for p in joined}, {T + p.last for p in joined})


if __name__ == "__main__":
    unittest.main()
