"""The file of users: accounts, sessions, and what ends them."""

import sqlite3
import stat
import tempfile
import threading
import unittest
from contextlib import closing
from pathlib import Path

from trackerdcs.adapters.ledger_sqlite import read_chain
from trackerdcs.adapters.users_sqlite import Listed, SqliteUsers
from trackerdcs.domain.access import MOST_RIGHTS, SITE, Account
from trackerdcs.domain.errors import ConfigError, StoreFault
from trackerdcs.domain.ledger import LedgerEntry, entry_of, verify

DEPUTY, SHIFTER = Account("deputy", "admin"), Account("shifter1", "shifter")


class UsersCase(unittest.TestCase):
    def setUp(self) -> None:
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory()), "folder", "users.sqlite")
        self.users = self.enterContext(closing(SqliteUsers(self.path)))
        self.users.add(DEPUTY, "hash-a")
        self.users.add(SHIFTER, "hash-b")

    def begin(self, id: str = "s1", name: str = "shifter1", hash: str = "hash-b", now: int = 0) -> bool:
        return self.users.begin(id, name, hash, now, now + 100)


class Accounts(UsersCase):
    def test_they_are_kept(self) -> None:
        with closing(SqliteUsers(self.path, make=False)) as again:
            self.assertEqual(again.accounts(), [DEPUTY, SHIFTER])
            self.assertEqual((again.hash_of("shifter1"), again.hash_of("nobody")), ("hash-b", None))

    def test_a_name_is_given_once(self) -> None:
        with self.assertRaisesRegex(ConfigError, "shifter1: there is a user of this name"):
            self.users.add(Account("shifter1", "admin"), "x")
        self.assertEqual(self.users.accounts(), [DEPUTY, SHIFTER])

    def test_only_the_first_is_founded(self) -> None:
        self.assertFalse(self.users.found(Account("nobody", "admin"), "x"))
        with closing(SqliteUsers(self.path.with_name("other"))) as new:
            self.assertTrue(new.found(DEPUTY, "x"))

    def test_unknown_names(self) -> None:
        for change in (
            lambda: self.users.set_role("nobody", "viewer"),
            lambda: self.users.set_password("nobody", "x"),
            lambda: self.users.remove("nobody"),
        ):
            with self.assertRaisesRegex(ConfigError, "nobody: there is no user"):
                change()

    def test_the_last_admin_stays(self) -> None:
        for change in (lambda: self.users.remove("deputy"), lambda: self.users.set_role("deputy", "expert")):
            with self.assertRaisesRegex(ConfigError, "deputy is the last admin"):
                change()
        self.users.set_role("shifter1", "admin")
        self.users.remove("deputy")
        self.assertEqual(self.users.accounts(), [Account("shifter1", "admin")])


class Rights(UsersCase):
    def test_what_is_given_and_taken_back(self) -> None:
        self.users.grant("shifter1", "bench/hv1", "expert")
        self.users.grant("shifter1", "bench", "viewer")
        self.users.grant("shifter1", "bench", "expert")
        given = Account("shifter1", "shifter", {"bench": "expert", "bench/hv1": "expert"})
        self.assertEqual(self.users.accounts(), [DEPUTY, given])
        self.users.revoke("shifter1", SITE)
        self.users.revoke("shifter1", "bench")
        self.assertEqual(self.users.accounts()[1], Account("shifter1", None, {"bench/hv1": "expert"}))
        self.users.revoke("shifter1", "bench/hv1")
        self.assertTrue(self.begin())
        self.assertEqual(self.users.session("s1", 0), Account("shifter1"))
        with self.assertRaisesRegex(ConfigError, "shifter1 was given no role at site"):
            self.users.revoke("shifter1", SITE)

    def test_somebody_who_comes_with_rights_and_goes(self) -> None:
        guest = Account("guest", None, {"bench": "viewer", "other/hv1": "expert"})
        self.users.add(guest, "x")
        self.assertEqual(self.users.accounts()[1], guest)
        self.users.remove("guest")
        self.users.add(Account("guest"), "x")
        self.assertEqual(self.users.accounts()[1], Account("guest"), "the rights of the one before")

    def test_an_admin_of_a_stand_is_none_of_the_site(self) -> None:
        self.users.grant("shifter1", "bench", "admin")
        for change in (lambda: self.users.revoke("deputy", SITE), lambda: self.users.grant("deputy", SITE, "expert")):
            with self.assertRaisesRegex(ConfigError, "deputy is the last admin"):
                change()

    def test_as_many_as_fit_into_a_header(self) -> None:
        for n in range(MOST_RIGHTS - 1):
            self.users.grant("shifter1", f"bench{n}", "viewer")
        self.users.grant("shifter1", "bench0", "expert")
        with self.assertRaisesRegex(ConfigError, f"shifter1 has {MOST_RIGHTS} rights already"):
            self.users.grant("shifter1", "another", "viewer")


class Changes(UsersCase):
    def entries(self) -> list[LedgerEntry]:
        self.assertIsNone(verify(read_chain(self.path)).why)
        return [entry_of(link) for link in read_chain(self.path)]

    def test_who_changed_what_is_in_the_ledger_and_what_was_refused_is_not(self) -> None:
        with closing(SqliteUsers(self.path, client="web")) as web:
            web.set_password("shifter1", "hash-c", "hash-b")
            self.assertFalse(web.set_password("shifter1", "hash-d", "hash-b"))
        self.users.grant("shifter1", "bench", "expert")
        self.users.revoke("shifter1", SITE)
        for change in (lambda: self.users.revoke("deputy", SITE), lambda: self.users.grant("nobody", SITE, "admin")):
            with self.assertRaises(ConfigError):
                change()
        self.begin(hash="hash-c")
        self.users.remove("shifter1")
        first, *entries = self.entries()
        self.assertEqual(first.step, "begun")
        told = [(entry.user, entry.cmd, dict(entry.args)) for entry in entries]
        self.assertEqual(
            told,
            [
                ("cli", "add", {"name": "deputy", "rights": "admin"}),
                ("cli", "add", {"name": "shifter1", "rights": "shifter"}),
                ("web", "password", {"name": "shifter1"}),
                ("cli", "grant", {"name": "shifter1", "node": "bench", "role": "expert"}),
                ("cli", "revoke", {"name": "shifter1", "node": "site", "was": "shifter"}),
                ("cli", "remove", {"name": "shifter1", "was": "expert at bench"}),
            ],
        )
        self.assertEqual(entries[2].by, "shifter1")
        self.assertTrue(all(entry.by for entry in entries))
        self.assertNotIn(b"hash-", b"".join(link.body for link in read_chain(self.path)))

    def test_without_an_entry_there_is_no_change(self) -> None:
        with closing(sqlite3.connect(self.path)) as db:
            db.execute("CREATE TRIGGER full BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'no room'); END")
            db.commit()
        for change in (lambda: self.users.grant("shifter1", SITE, "admin"), lambda: self.users.remove("shifter1")):
            with self.assertRaisesRegex(StoreFault, "no room"):
                change()
        self.assertEqual(self.users.accounts(), [DEPUTY, SHIFTER])

    def test_two_programs_make_one_chain(self) -> None:
        with closing(SqliteUsers(self.path, client="web")) as web:
            for n in range(5):
                self.users.grant("shifter1", f"a{n}", "viewer")
                web.grant("shifter1", f"b{n}", "viewer")
        self.assertEqual(len(self.entries()), 13)


class Before(unittest.TestCase):
    """A file of the time when everybody had one role."""

    def setUp(self) -> None:
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory()), "users.sqlite")
        with closing(sqlite3.connect(self.path)) as db:
            db.executescript(
                """CREATE TABLE users (name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL);
                CREATE TABLE sessions (id TEXT PRIMARY KEY, user TEXT NOT NULL, ends INTEGER NOT NULL);
                CREATE INDEX by_user ON sessions (user);
                INSERT INTO users VALUES ('deputy', 'admin', 'hash-a'), ('shifter1', 'shifter', 'hash-b');
                INSERT INTO sessions VALUES ('s1', 'shifter1', 100);"""
            )

    def test_it_opens_its_roles_are_those_on_the_site_and_sessions_go_on(self) -> None:
        for _ in range(2):
            with closing(SqliteUsers(self.path, make=False)) as users:
                self.assertEqual(users.accounts(), [DEPUTY, SHIFTER])
                self.assertEqual((users.session("s1", 0), users.hash_of("deputy")), (SHIFTER, "hash-a"))
        with closing(SqliteUsers(self.path)) as users:
            users.grant("shifter1", "bench", "expert")
            users.add(Account("guest", "viewer"), "hash-c")
        _, *entries = [entry_of(link) for link in read_chain(self.path)]
        found = [(entry.event or entry.cmd, entry.args["name"]) for entry in entries]
        self.assertEqual(found, [("found", "deputy"), ("found", "shifter1"), ("grant", "shifter1"), ("add", "guest")])

    def test_two_programs_that_open_it_at_once(self) -> None:
        faults = []

        def opened() -> None:
            try:
                with closing(SqliteUsers(self.path)) as users:
                    self.assertEqual(users.accounts(), [DEPUTY, SHIFTER])
            except (StoreFault, AssertionError) as e:
                faults.append(e)

        threads = [threading.Thread(target=opened) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])


class Sessions(UsersCase):
    def test_a_session_is_somebodys_until_its_end(self) -> None:
        self.assertTrue(self.begin())
        self.assertEqual(self.users.session("s1", 99), SHIFTER)
        self.assertIsNone(self.users.session("s1", 100))
        self.assertIsNone(self.users.session("s2", 0))
        self.assertEqual(self.users.listed(0), [Listed(DEPUTY, 0), Listed(SHIFTER, 1)])
        self.users.end("s1")
        self.users.end("s1")
        self.assertIsNone(self.users.session("s1", 0))

    def test_whatever_changes_a_person_ends_all_their_sessions_and_no_others(self) -> None:
        def another_hash() -> None:
            self.assertTrue(self.users.set_password("shifter1", "hash-c", "hash-b"))

        for change in (
            lambda: self.users.set_role("shifter1", "expert"),
            lambda: self.users.set_role("shifter1", "expert"),
            lambda: self.users.grant("shifter1", "bench", "expert"),
            lambda: self.users.revoke("shifter1", "bench"),
            another_hash,
            lambda: self.users.set_password("shifter1", "hash-d"),
            lambda: self.users.remove("shifter1"),
        ):
            hash = self.users.hash_of("shifter1") or ""
            self.assertTrue(self.begin(hash=hash))
            self.assertTrue(self.begin("s2", hash=hash))
            self.assertTrue(self.begin("s3", "deputy", "hash-a"))
            change()
            self.assertEqual([self.users.session(id, 0) for id in ("s1", "s2", "s3")], [None, None, DEPUTY])
            self.users.end("s3")

    def test_a_password_that_was_changed_while_it_was_checked_lets_nobody_in(self) -> None:
        self.users.set_password("shifter1", "hash-c")
        self.assertFalse(self.begin())
        self.assertFalse(self.begin(name="nobody"))
        self.assertFalse(self.users.set_password("shifter1", "hash-d", "hash-b"))
        self.assertEqual(self.users.hash_of("shifter1"), "hash-c")

    def test_those_that_have_ended_do_not_pile_up(self) -> None:
        self.begin("old")
        self.begin("new", now=100)
        with self.users._file.transaction() as db:
            self.assertEqual(db.execute("SELECT id FROM sessions").fetchall(), [("new",)])

    def test_another_program_is_heard_at_once(self) -> None:
        self.begin()
        with closing(SqliteUsers(self.path)) as other:
            other.remove("shifter1")
        self.assertIsNone(self.users.session("s1", 0))


class Files(UsersCase):
    def test_nobody_else_reads_it(self) -> None:
        self.begin()
        for file in self.path.parent.iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600, file.name)

    def test_a_damaged_one_is_named_and_never_begun_anew(self) -> None:
        other = self.path.with_name("damaged.sqlite")
        other.write_bytes(b"not a database at all, but long enough to look at" * 100)
        for _ in range(2):
            with self.assertRaisesRegex(StoreFault, "damaged.sqlite"):
                SqliteUsers(other)

    def test_where_it_cannot_be(self) -> None:
        for path in (self.path / "below-a-file", Path("/proc/users.sqlite"), self.path.parent):
            with self.assertRaisesRegex(StoreFault, str(path)):
                SqliteUsers(path)
        with self.assertRaisesRegex(StoreFault, "absent: no such file"):
            SqliteUsers(self.path.with_name("absent"), make=False)

    def test_threads(self) -> None:
        def many(n: int) -> None:
            for i in range(20):
                self.begin(f"{n}-{i}")

        threads = [threading.Thread(target=many, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.users.listed(0)[1].sessions, 80)
