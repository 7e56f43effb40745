"""`trackerdcs users`: who may log in, told on the command line; a password is never an argument."""

import asyncio
import contextlib
import os
import re
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path

from typer.testing import CliRunner, Result

from trackerdcs.adapters.users_sqlite import SqliteUsers
from trackerdcs.cli.main import app
from trackerdcs.tests.service import TRACKERDCS
from trackerdcs.web.passwords import Passwords

PAGE = Path(__file__).parents[3] / "doc" / "how-to" / "manage-users.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.M | re.S)
PASSWORD = "correct horse battery"


class TestUsers(unittest.TestCase):
    def setUp(self) -> None:
        self.file = Path(self.enterContext(tempfile.TemporaryDirectory()), "users.sqlite")

    def run_it(self, *arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, ["users", *arguments, "--users", str(self.file)], input=typed)

    def add(self, name: str, role: str, password: str = PASSWORD) -> Result:
        return self.run_it("add", name, role, typed=f"{password}\n")

    def right(self, name: str, password: str) -> bool:
        users = SqliteUsers(self.file)
        hash = users.hash_of(name)
        users.close()
        return asyncio.run(Passwords().right(hash, password))

    def test_from_the_first_to_the_last(self) -> None:
        self.assertEqual(self.add("deputy", "admin").exit_code, 0)
        self.assertEqual(self.add("shifter1", "shifter").stdout, "shifter1 added as shifter\n")
        self.assertTrue(self.right("shifter1", PASSWORD))
        self.assertRegex(self.run_it("list").stdout, r"deputy +admin +0 sessions\nshifter1 +shifter +0 sessions\n")
        self.assertEqual(self.run_it("role", "shifter1", "expert").exit_code, 0)
        self.assertEqual(self.run_it("password", "shifter1", typed="another fine one\n").exit_code, 0)
        self.assertFalse(self.right("shifter1", PASSWORD))
        self.assertTrue(self.right("shifter1", "another fine one"))
        self.assertIn("shifter1  ", self.run_it("list").stdout)
        self.assertEqual(self.run_it("remove", "shifter1").exit_code, 0)
        self.assertNotIn("shifter1", self.run_it("list").stdout)

    def test_rights_at_nodes_and_their_history(self) -> None:
        self.add("deputy", "admin")
        guest = self.run_it("add", "guest", "viewer", "--at", "bench", typed=f"{PASSWORD}\n")
        self.assertEqual(guest.stdout, "guest added as viewer at bench\n")
        granted = self.run_it("grant", "guest", "bench/hv1", "expert")
        self.assertEqual(granted.stdout, "guest is expert at bench/hv1 now and has to log in again\n")
        listed = self.run_it("list").stdout
        self.assertRegex(
            listed, r"deputy +admin +0 sessions\nguest +- +0 sessions +viewer at bench, expert at bench/hv1\n"
        )
        self.assertEqual(self.run_it("revoke", "guest", "bench").exit_code, 0)
        self.assertEqual(self.run_it("grant", "guest", "site", "viewer").exit_code, 0)
        self.assertRegex(self.run_it("list").stdout, r"guest +viewer +0 sessions +expert at bench/hv1\n")
        told = self.run_it("history")
        self.assertEqual(told.exit_code, 0)
        self.assertRegex(told.stdout, r"Z cli \(\S+\) +grant guest node='bench/hv1' role='expert'\n")
        self.assertRegex(told.stdout, r"Z cli \(\S+\) +revoke guest node='bench' was='viewer'\n")
        self.assertIn("the chain is whole: 6 entries", told.stderr)
        with contextlib.closing(sqlite3.connect(self.file)) as db:
            db.executescript("DROP TRIGGER ledger_stays; UPDATE ledger SET body = replace(body, 'expert', 'viewer')")
        broken = self.run_it("history")
        self.assertEqual(broken.exit_code, 1)
        self.assertIn("THE CHAIN IS BROKEN", broken.stderr)

    def test_what_is_refused_is_said_in_one_line(self) -> None:
        self.add("deputy", "admin")
        for arguments, typed, why in (
            (("add", "Deputy L", "admin"), PASSWORD, "name 'Deputy L': expected a small letter"),
            (("add", "shifter1", "boss"), PASSWORD, "role 'boss': expected one of viewer, shifter, expert, admin"),
            (("add", "shifter1", "viewer"), "short", "password: a password has at least 10 characters, this one has 5"),
            (("add", "shifter1", "viewer"), "", "password: a password has at least 10"),
            (("add", "deputy", "viewer"), PASSWORD, "deputy: there is a user of this name already"),
            (("remove", "deputy"), "", "deputy is the last admin"),
            (("role", "nobody", "viewer"), "", "nobody: there is no user of this name"),
            (("grant", "deputy", "bench/", "viewer"), "", "node 'bench/': expected site, STAND, STAND/DEVICE or"),
            (("revoke", "deputy", "bench"), "", "deputy was given no role at bench"),
            (("revoke", "deputy", "site"), "", "deputy is the last admin"),
        ):
            with self.subTest(arguments):
                result = self.run_it(*arguments, typed=f"{typed}\n")
                self.assertEqual(result.exit_code, 78)
                self.assertTrue(result.stderr.startswith(why), result.stderr)
                self.assertEqual(result.stderr.count("\n"), 1)

    def test_a_file_that_is_not_there(self) -> None:
        for command in ("list", "history"):
            result = self.run_it(command)
            self.assertEqual((result.exit_code, result.stderr), (1, f"{self.file}: no such file of users\n"))
        self.assertFalse(self.file.exists())


class Page(unittest.TestCase):
    def test_what_it_says_to_type_works_and_shows_what_it_says(self) -> None:
        blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
        self.assertEqual([kind for kind, _ in blocks], ["sh", "text", "sh", "text", "sh", "sh"])
        path = f"{Path(TRACKERDCS).parent}:{os.environ['PATH']}"
        lines = "echo = next\n".join(text for kind, text in blocks if kind == "sh")
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", f"{lines}echo = next\ntrackerdcs users list\n"],
                cwd=folder,
                env=os.environ | {"PATH": path},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        self.assertEqual((done.returncode, "the chain is whole: 9 entries" in done.stderr), (0, True), done.stderr)
        added, granted, _, told, listed = done.stdout.split("= next\n")
        for said, (_, shown) in ((added, blocks[1]), (granted, blocks[3])):
            self.assertTrue(said.endswith(shown), said)
        self.assertIn("grant shifter1 node='demo' role='expert'", told)
        self.assertRegex(listed, r"^deputy +admin +0 sessions\nguest [^\n]+\n$")
