"""Rights, names, passwords and ways on after a login, as decided without any service."""

import unittest

from trackerdcs.domain.access import (
    AREAS,
    GRAFANA,
    checked_name,
    checked_role,
    local_path,
    password_fault,
    plain_name,
    suffices,
)
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.instrument import ROLES


class Roles(unittest.TestCase):
    def test_each_may_what_those_below_may(self) -> None:
        for i, role in enumerate(ROLES):
            self.assertEqual([suffices(role, needed) for needed in ROLES], [j <= i for j in range(len(ROLES))])

    def test_areas(self) -> None:
        self.assertEqual(AREAS, {"grafana": "viewer", "control": "shifter", "nodered": "expert", "api": "viewer"})
        self.assertEqual([GRAFANA[role] for role in ROLES], ["Viewer", "Viewer", "Editor", "Admin"])

    def test_a_role_is_one_of_ours(self) -> None:
        self.assertEqual(checked_role("expert"), "expert")
        with self.assertRaisesRegex(ConfigError, "role 'root': expected one of viewer, shifter, expert, admin"):
            checked_role("root")


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
