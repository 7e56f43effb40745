"""For tests: what is too long for every run. `make soak` sets TRACKERDCS_LONG and runs it."""

import os
import unittest

LONG = os.environ.get("TRACKERDCS_LONG") == "1"
long = unittest.skipUnless(LONG, "long: make soak runs it")
