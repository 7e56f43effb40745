"""Rights, names, passwords and ways on after a login, as decided without any service."""

import json
import unittest

from trackerdcs.domain.access import (
    ANYWHERE,
    AREAS,
    GRAFANA,
    LOGIN,
    SITE,
    Account,
    Node,
    checked_name,
    checked_node,
    checked_role,
    local_path,
    may,
    node_of,
    password_fault,
    plain_name,
    shown_node,
    suffices,
    why_not,
)
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.instrument import ROLES, Role
from trackerdcs.tests.programs import NODERED

WHOLE = Account("whole", "shifter")
GUEST = Account("guest", None, {"demo": "viewer", "demo/hv1/ch0": "expert"})
MIXED = Account("mixed", "viewer", {"demo": "expert", "other/hv1": "shifter", "third": "viewer"})
NOBODY = Account("nobody")


class Roles(unittest.TestCase):
    def test_each_may_what_those_below_may(self) -> None:
        for i, role in enumerate(ROLES):
            self.assertEqual([suffices(role, needed) for needed in ROLES], [j <= i for j in range(len(ROLES))])

    def test_areas(self) -> None:
        wanted = {WHOLE: {"grafana", "control", "api"}, GUEST: set(AREAS) - {"nodered"}, NOBODY: {"api"}}
        for account, areas in (*wanted.items(), (Account("deputy", "admin"), set(AREAS))):
            self.assertEqual({area for area, place in AREAS.items() if may(account, *place)}, areas, account.name)
        self.assertEqual([GRAFANA[role] for role in (None, *ROLES)], ["Viewer", "Viewer", "Viewer", "Editor", "Admin"])

    def test_a_role_is_one_of_ours(self) -> None:
        self.assertEqual(checked_role("expert"), "expert")
        with self.assertRaisesRegex(ConfigError, "role 'root': expected one of viewer, shifter, expert, admin"):
            checked_role("root")


class Nodes(unittest.TestCase):
    def test_what_was_given_above_holds_below_and_adds_up(self) -> None:
        table: tuple[tuple[Account, Node, Role | None], ...] = (
            (WHOLE, SITE, "shifter"),
            (WHOLE, "demo/hv1/ch0", "shifter"),
            (GUEST, SITE, None),
            (GUEST, "demo", "viewer"),
            (GUEST, "demo/hv1", "viewer"),
            (GUEST, "demo/hv1/ch0", "expert"),
            (GUEST, "demo/hv1/ch1", "viewer"),
            (GUEST, "demo2", None),
            (GUEST, "other/hv1/ch0", None),
            (GUEST, ANYWHERE, "expert"),
            (MIXED, SITE, "viewer"),
            (MIXED, "demo/lv1", "expert"),
            (MIXED, "other", "viewer"),
            (MIXED, "other/hv1/ch3", "shifter"),
            (MIXED, "third", "viewer"),
            (NOBODY, "demo", None),
            (NOBODY, ANYWHERE, None),
        )
        for account, node, role in table:
            with self.subTest(account=account.name, node=node):
                self.assertEqual(account.role_at(node), role)
                for needed in ROLES:
                    self.assertEqual(may(account, needed, node), suffices(role, needed))

    def test_node_red_decides_alike(self) -> None:
        table = json.loads((NODERED / "tests" / "rights.json").read_text(encoding="utf-8"))
        self.assertGreater(len(table), 10)
        for row in table:
            rights = dict(row["rights"])
            account = Account("somebody", rights.pop(SITE, None), rights)
            self.assertEqual(account.role_at(row["node"]), row["role"], row)

    def test_a_lower_right_below_takes_nothing_away(self) -> None:
        self.assertEqual(Account("deputy", "admin", {"demo": "viewer"}).role_at("demo"), "admin")

    def test_no_text_means_anywhere(self) -> None:
        for text in ("*", "anywhere", "ANYWHERE", "/", "//", "demo/", "/demo", "demo2/..", "#", "+"):
            self.assertEqual(GUEST.role_at(text), "viewer" if text == "demo/" else None, text)

    def test_a_kill_is_for_whoever_is_logged_in(self) -> None:
        self.assertEqual([may(a, LOGIN, "demo") for a in (None, NOBODY, GUEST, WHOLE)], [False, True, True, True])
        self.assertFalse(may(None, "viewer", "demo"))

    def test_nodes_as_they_are_written(self) -> None:
        self.assertEqual(
            [node_of("s"), node_of("s", "d"), node_of("s", "d", "-"), node_of("s", "d", "c")],
            ["s", "s/d", "s/d", "s/d/c"],
        )
        self.assertEqual(
            [checked_node(text) for text in ("site", "", "a", "a/b", "a/b/c")], ["", "", "a", "a/b", "a/b/c"]
        )
        self.assertEqual([shown_node("a/b"), shown_node(SITE)], ["a/b", "site"])
        for text in ("A", "a/", "/a", "a//b", "a/b/c/d", "site/x", "a/alarm", "a/b/-", "*", "x" * 33, "a\n"):
            with self.subTest(text), self.assertRaisesRegex(ConfigError, "expected site, STAND, STAND/DEVICE"):
                checked_node(text)

    def test_in_words(self) -> None:
        said = {a: a.standing for a in (WHOLE, GUEST, MIXED, NOBODY)}
        self.assertEqual(said[WHOLE], "shifter")
        self.assertEqual(said[GUEST], "viewer at demo, expert at demo/hv1/ch0")
        self.assertEqual(said[MIXED], "viewer, expert at demo, shifter at other/hv1, viewer at third")
        self.assertEqual(said[NOBODY], "without a role")
        self.assertEqual(why_not(NOBODY, "expert"), "this needs the role expert on the site, nobody is without a role")
        self.assertEqual(why_not(WHOLE, "admin", "demo"), "this needs the role admin at demo, whole is shifter")
        self.assertEqual(GUEST.rights, {"demo": "viewer", "demo/hv1/ch0": "expert"})
        self.assertEqual(WHOLE.rights, {SITE: "shifter"})

    def test_the_stands_that_they_see(self) -> None:
        self.assertEqual([a.stands for a in (WHOLE, MIXED, GUEST, NOBODY)], [None, None, {"demo"}, frozenset()])
        for stand in ("demo", "other"):
            self.assertEqual(stand in (GUEST.stands or ()), may(GUEST, "viewer", stand))


class Goals(unittest.TestCase):
    def test_a_path_of_this_site(self) -> None:
        for path in ("/", "/nodered/#flow/1", "/grafana/d/x?from=now-1h&to=now", "/a//b", "/%2F%2Fevil.example"):
            self.assertEqual(local_path(path), path)

    def test_everything_else_leads_home(self) -> None:
        for text in (
            None,
            "",
            "nodered/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\b",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "/x\r\nSet-Cookie: a=b",
            " /x",
            "/ü",
            "/" + "x" * 2000,
        ):
            with self.subTest(text):
                self.assertEqual(local_path(text), "/")


class Names(unittest.TestCase):
    def test_as_a_telephone_writes_it(self) -> None:
        self.assertEqual(plain_name(" Deputy "), "deputy")

    def test_what_may_stand_in_a_header(self) -> None:
        for name in ("deputy", "a.b-c_9", "x" * 32):
            self.assertEqual(checked_name(name), name)
        for name in ("", "Deputy", "9a", "a b", "a\r\nX-Webauth-Role: admin", "deputy\n", "x" * 33, "ä", "a,b"):
            with self.subTest(name), self.assertRaises(ConfigError):
                checked_name(name)


class Words(unittest.TestCase):
    def test_length(self) -> None:
        self.assertIsNone(password_fault("x" * 10, "deputy"))
        self.assertIsNone(password_fault("x" * 256, "deputy"))
        self.assertIsNone(password_fault("grüne Wiese 7", "deputy"))
        self.assertRegex(password_fault("x" * 9, "deputy") or "", "at least 10 .* this one has 9")
        self.assertRegex(password_fault("x" * 257, "deputy") or "", "at most 256")

    def test_what_is_guessed_first(self) -> None:
        self.assertRegex(password_fault("margarethe12", "margarethe") or "", "hardly more than the name")
        self.assertRegex(password_fault("tab\tinside it", "deputy") or "", "cannot be seen")
