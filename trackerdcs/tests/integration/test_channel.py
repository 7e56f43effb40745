"""What a power channel does: ramps, trips, knobs, lost replies. Each case for each high-voltage supply."""

import unittest

from trackerdcs.tests import channel_suite
from trackerdcs.tests.long import LONG

SUPPLIES = ("iseg_shr", "keithley2410")
CASES = (channel_suite.Ramps, channel_suite.Targets, channel_suite.Trips, channel_suite.Wire, channel_suite.LostAnswer)

for case in CASES:
    # The steps of the worker are the harder way: the supply that ramps by itself takes all cases in the long run only.
    for supply in SUPPLIES if LONG or case in (channel_suite.Ramps, channel_suite.LostAnswer) else SUPPLIES[1:]:
        name = f"{case.__name__}_{supply}"
        globals()[name] = type(name, (case,), {"name": supply, "__module__": __name__})
del case  # by this name it would be found as a test without a supply

if __name__ == "__main__":
    unittest.main()
