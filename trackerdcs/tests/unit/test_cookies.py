"""Signed cookies: what was not signed here, or too long ago, is nothing."""

import unittest
from unittest.mock import patch

from trackerdcs.adapters.cookies_itsdangerous import SignedCookies

KEY = "k" * 40


class TestSignedCookies(unittest.TestCase):
    def setUp(self) -> None:
        self.seal = SignedCookies(KEY, 100)

    def test_what_was_sealed_is_known_again(self) -> None:
        self.assertEqual(self.seal.unseal(self.seal.seal("abc_-9")), "abc_-9")
        self.assertEqual(SignedCookies(KEY, 100).unseal(self.seal.seal("abc")), "abc", "after a restart")

    def test_another_key_and_any_change(self) -> None:
        sealed = self.seal.seal("abc")
        self.assertIsNone(SignedCookies("x" * 40, 100).unseal(sealed))
        for place in range(len(sealed) - 1):  # the last character of base64 has bits that mean nothing
            changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
            self.assertIsNone(self.seal.unseal(changed), changed)

    def test_what_is_no_seal_at_all(self) -> None:
        for text in ("", ".", "..", "abc", "a.b.c", "\x00", "ü.ü.ü", "x" * 100_000, "abc." * 40):
            self.assertIsNone(self.seal.unseal(text))

    def test_it_expires(self) -> None:
        with patch("time.time", return_value=1_000_000):
            sealed = self.seal.seal("abc")
        with patch("time.time", return_value=1_000_100):
            self.assertEqual(self.seal.unseal(sealed), "abc")
        with patch("time.time", return_value=1_000_102):
            self.assertIsNone(self.seal.unseal(sealed))
