"""The part of the suite for every RunStore that is about the logbook."""

import unittest
from dataclasses import replace

from trackerdcs.domain.logbook import Attachment, Entry, EntryQuery
from trackerdcs.ports_runs import RunStore

S = 1_000_000_000
T0 = 1_748_527_197 * S + 123_456_789  # not a whole microsecond: no store may round it


class LogbookContract(unittest.TestCase):
    """Tests of the logbook; the whole suite gives `store`, and `stand`, a name of each test's own."""

    __test__ = False
    store: RunStore
    stand: str

    def test_an_entry_of_the_logbook_is_never_changed(self) -> None:
        files = (Attachment("a.png", "image/png", 3), Attachment("ünder.dat", "application/octet-stream", 1))
        first = Entry(f"{self.stand}-1", T0, "shifter", "<b>Größe</b>\n50% _", ("hv", "repair"), self.stand, "r1")
        first = replace(first, attachments=files)
        self.assertTrue(self.store.put_entry(first, [b"\x89PN", b"\0"]))
        for other in (first, replace(first, text="another")):
            self.assertFalse(self.store.put_entry(other, [b"else", b"else"]))
        self.assertEqual(self.store.entries(EntryQuery(id=first.id)), [first])
        self.assertEqual([self.store.attachment(first.id, n) for n in (-1, 0, 1, 2)], [None, b"\x89PN", b"\0", None])
        self.assertIsNone(self.store.attachment("nobody", 0))

    def test_entries_are_found_the_newest_first(self) -> None:
        first = Entry(f"{self.stand}-1", T0, "shifter", "Größe 50% of\nall", ("hv", "repair"), self.stand, "r1")
        second = Entry(f"{self.stand}-2", T0, "expert", "it was 40%", ("hv",), self.stand, refers=first.id)
        third = Entry(f"{self.stand}-3", T0 + S, "shifter", "later", (), self.stand)
        for entry in (second, third, first):
            self.store.put_entry(entry)
        query = EntryQuery(stand=self.stand)
        cases: list[tuple[EntryQuery, list[Entry]]] = [
            (query, [third, second, first]),
            (replace(query, limit=2), [third, second]),
            (replace(query, after=(T0 + S, third.id)), [second, first]),
            (replace(query, after=(T0, second.id)), [first]),
            (replace(query, tag="hv"), [second, first]),
            (replace(query, tag="h"), []),
            (replace(query, run="r1"), [first]),
            (replace(query, author="expert"), [second]),
            (replace(query, text="gröSSe 50%"), [first]),
            (replace(query, text="50_"), []),
            (replace(query, text=".*"), []),
            (replace(query, since=T0 + 1), [third]),
            (replace(query, until=T0 + S), [second, first]),
            (EntryQuery(stand="elsewhere"), []),
        ]
        for asked, expected in cases:
            with self.subTest(asked):
                self.assertEqual(self.store.entries(asked), expected)
