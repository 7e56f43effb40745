"""The file of users: accounts, sessions, and what ends them."""

import stat
import tempfile
import threading
import unittest
from contextlib import closing
from pathlib import Path

from trackerdcs.adapters.users_sqlite import Listed, SqliteUsers
from trackerdcs.domain.access import Account
from trackerdcs.domain.errors import ConfigError, StoreFault

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
