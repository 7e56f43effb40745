"""Points as a bug would make them, for stores that look at the usual ones only once."""

import math
from decimal import Decimal

from hypothesis import strategies as st

from trackerdcs.domain.series import Point
from trackerdcs.domain.storing import LAST

CH0, CH1 = (
    (("stand", "demo"), ("device", "hv1"), ("channel", "ch0")),
    (("stand", "demo"), ("device", "hv1"), ("channel", "ch 1,=é")),
)


class Text(str):
    """Equal to a text, and none."""


class Real(float):
    """As numpy's: a float, and more."""


NUMBERS = [1.0, True, 1, 0.0, -0.0, False, 0, -1.5, 1e300, -1e300, 1.1e300, 5e-324, 0.1 + 0.2, 2**60, 10**400, 1e16]
OTHERS = [math.nan, math.inf, -math.inf, Real(1.0), Real(math.nan), Decimal(1), 1 + 0j, None, [1.0], b"on"]
TEXTS = ["on", "off", "", 'say "no", \\', "a\nb", "a\rb", "\ud800", "é=, ", Text("on"), Text("a\rb"), "x" * 300]
numbers = st.sampled_from([1.0, -1.5, 2e-7, True, 0.0, -0.0]) | st.floats()
good = {"v_mon": numbers, "i_mon": numbers, "a b,=": numbers, "state": st.sampled_from(["on", "off", 'say "no", \\'])}
values = st.sampled_from([*NUMBERS, *OTHERS, *TEXTS]) | st.floats() | st.text(max_size=5)
names = st.sampled_from([*good, "time", "_x", "", "a\nb"]) | st.text(max_size=3)
fields = st.fixed_dictionaries({}, optional=good)
odd_fields = st.builds(lambda some, name, value: some | {name: value}, fields, names, values)
some_tags = st.sampled_from([CH0, CH1])
odd_tags = st.sampled_from([(), (("a", "b"), ("a", "c")), (("channel", ""),), (("channel", "c\\"),), (("a", "c\nd"),)])
fresh_tags = some_tags.map(lambda found: tuple((key, text) for key, text in found))
kinds, odd_kinds = st.sampled_from(["hv", "l v,="]), st.sampled_from(["#", "", "time"])
stamps, odd_stamps = st.sampled_from([1, 5, 10**18]), st.sampled_from([True, 1.0, 0, -1, LAST - 1, LAST])
# One thing is odd at a time, so that all else is as it was before and goes the fast way.
points = st.one_of(
    st.builds(Point, kinds, some_tags | fresh_tags, stamps, fields),
    st.builds(Point, kinds, some_tags, stamps, odd_fields),
    st.builds(Point, odd_kinds, some_tags, stamps, fields),
    st.builds(Point, kinds, odd_tags, stamps, fields),
    st.builds(Point, kinds, some_tags, odd_stamps, fields),
)
