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
        self.assertEqual(str(error), "v_set of ch0: asked for -50, read back -49")
        self.assertEqual((error.expected, error.got), (-50.0, -49.0))
        error = VerifyError("ch0 on", False, True)
        self.assertEqual(str(error), "ch0 on: asked for no, read back yes")
        error = VerifyError(
            "ch0 after 12 s", "at -30 V", {"v_mon": -49.9969, "i_mon": -5.2e-8, "on": True, "state": "on"}
        )
        self.assertEqual(
            str(error), "ch0 after 12 s: asked for at -30 V, read back v_mon -49.9969, i_mon -5.2e-08, on yes, state on"
        )
