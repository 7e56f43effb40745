"""The chain of a ledger: what is written the same way twice, and what a changed, missing or moved entry breaks."""

import json
import math
import unittest
from dataclasses import replace

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.ledger import GENESIS, LONGEST, Chained, LedgerEntry, canonical, chained, entry_of, verify

ENTRIES = [
    LedgerEntry(10, "b", "accepted", ch="ch0", id="i1", user="cli", cmd="set_voltage", args={"v": -50}, reason="first"),
    LedgerEntry(11, "b", "order", ch="ch0", id="i1", order="set_voltage", value=-50.0, verdict="agrees", ms=3.2),
    LedgerEntry(12, "b", "done", ch="ch0", id="i1", user="cli", readback={"v_set": -50.0, "on": False, "state": "off"}),
    LedgerEntry(13, "b", "event", ch="ch0", event="trip", why="current limit"),
]
CHAIN = chained(ENTRIES, 0, GENESIS)


class TestChain(unittest.TestCase):
    def test_a_whole_chain(self) -> None:
        checked = verify(CHAIN)
        self.assertEqual((checked.entries, checked.head, checked.broken), (4, CHAIN[-1].digest, None))
        self.assertEqual([entry_of(link) for link in CHAIN], ENTRIES)
        self.assertEqual(verify([]).entries, 0)

    def test_it_goes_on_where_it_ended(self) -> None:
        later = chained(ENTRIES[2:], 2, CHAIN[1].digest)
        self.assertEqual(CHAIN[:2] + later, CHAIN)

    def test_any_changed_byte_is_found_and_named(self) -> None:
        for i, link in enumerate(CHAIN):
            for at in range(len(link.body)):
                changed = link.body[:at] + bytes([link.body[at] ^ 1]) + link.body[at + 1 :]
                self.assertEqual(verify([*CHAIN[:i], replace(link, body=changed), *CHAIN[i + 1 :]]).broken, i + 1)

    def test_what_is_missing_moved_doubled_or_made_up_is_found_at_its_first_entry(self) -> None:
        for broken, chain in [
            (1, CHAIN[1:]),
            (2, [CHAIN[0], *CHAIN[2:]]),
            (2, [CHAIN[0], CHAIN[2], CHAIN[1], CHAIN[3]]),
            (2, [CHAIN[0], CHAIN[0], *CHAIN[1:]]),
            (3, [*CHAIN[:2], replace(CHAIN[2], n=4), CHAIN[3]]),
            (2, [CHAIN[0], *(replace(link, n=link.n - 1) for link in CHAIN[2:])]),
            (4, [*CHAIN[:3], Chained(4, b"[]", CHAIN[3].digest)]),
        ]:
            with self.subTest(broken=broken, n=[link.n for link in chain]):
                checked = verify(chain)
                self.assertEqual((checked.broken, checked.entries), (broken, broken - 1))
                self.assertTrue(checked.why)

    def test_a_chain_made_anew_from_an_entry_on_no_longer_fits_what_follows(self) -> None:
        forged = chained([replace(ENTRIES[1], value=-5.0)], 1, CHAIN[0].digest)
        self.assertEqual(verify([CHAIN[0], *forged, *CHAIN[2:]]).broken, 3)

    def test_the_end_can_be_cut_unseen_unless_the_head_was_noted(self) -> None:
        cut = verify(CHAIN[:2])
        self.assertIsNone(cut.broken)
        self.assertNotEqual(cut.head, CHAIN[-1].digest)


class TestCanonical(unittest.TestCase):
    def test_one_way_to_write_it(self) -> None:
        one = replace(ENTRIES[0], args={"b": 1, "a": {"y": 2, "x": "µ"}})
        two = replace(ENTRIES[0], args={"a": {"x": "µ", "y": 2}, "b": 1})
        self.assertEqual(canonical(1, one), canonical(1, two))
        self.assertTrue(canonical(1, one).isascii())
        self.assertNotIn("by", json.loads(canonical(1, one)))

    def test_no_value_is_kept_out(self) -> None:
        odd = {"nan": math.nan, "inf": -math.inf, "half": "\ud800", "set": {1}, "deep": [{"a": [math.inf]}], "n": None}
        for values in (odd, {"x" * 5000: "y" * 5000}):
            (link,) = chained([replace(ENTRIES[0], args=values, readback=values, why="w" * 9999)], 0, GENESIS)
            self.assertIsNone(verify([link]).broken)
            self.assertLess(len(link.body), 4 * LONGEST)
            self.assertEqual(len(entry_of(link).why or ""), LONGEST + 3)

    def test_what_is_no_entry_is_named(self) -> None:
        for body in (b"", b"7", b"{}", b'{"ts":1,"boot":"b","step":"dance"}', b'{"ts":"1","boot":"b","step":"done"}'):
            with self.subTest(body), self.assertRaisesRegex(ContractError, "ledger entry 3"):
                entry_of(Chained(3, body, ""))


if __name__ == "__main__":
    unittest.main()
