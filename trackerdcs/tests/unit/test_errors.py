"""The tree of errors is the one that its module draws, and every fate is reachable."""

import re
import unittest

from trackerdcs.domain import errors
from trackerdcs.domain.errors import BadReply, LinkError, NotConnected, TrackerError, VerifyError


class Tree(unittest.TestCase):
    def test_the_drawing_is_the_tree(self) -> None:
        drawn: dict[str, str] = {}
        above = ["Exception"]
        for line in (errors.__doc__ or "").splitlines():
            if m := re.match(r"([│├└─ ]*)([A-Z]\w+)", line):
                depth = len(m[1]) // 4 + 1
                if m[1] or m[2] == "TrackerError":
                    above[depth:] = [m[2]]
                    drawn[m[2]] = above[depth - 1]
        real = {
            name: kind.__bases__[0].__name__
            for name, kind in vars(errors).items()
            if isinstance(kind, type) and issubclass(kind, Exception)
        }
        self.assertEqual(drawn, real)
        self.assertTrue(all(issubclass(getattr(errors, name), TrackerError) for name in real))

    def test_a_link_error_says_whether_the_order_may_have_arrived(self) -> None:
        self.assertEqual(NotConnected("x").delivered, "no")
        self.assertEqual(LinkError("x").delivered, "unknown")
        self.assertEqual(BadReply("x").delivered, "yes")

    def test_a_failed_read_back_names_both_values(self) -> None:
        error = VerifyError("v_set of ch0", -50.0, -49.0)
        self.assertEqual(str(error), "v_set of ch0: set -50.0, read back -49.0")
        self.assertEqual((error.expected, error.got), (-50.0, -49.0))
