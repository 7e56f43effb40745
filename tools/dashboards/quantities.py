"""What the dashboards show of a stand's quantities, as parts of queries; names and units are those of the contract."""

from tools.dashboards.influxql import derived, one_of, steps, where
from trackerdcs.domain.dew_point import VALID, A, B

SUPPLIES = "/^(hv|lv)$/"
"""The measurements of devices that have outputs."""
STAND = one_of("stand")
CHANNELS = where(STAND, one_of("device"), one_of("channel"), one_of("module"))
"""The channels that the variables of a dashboard name."""
AIR = where(STAND)
"""All air of the stand: it surrounds every channel."""
LINE = "$tag_device $tag_channel $col"


def magnitude(source: str) -> str:
    """The absolute value of each measured current: polarity has no place on a logarithmic axis."""
    return derived('abs("i_mon")', "i_abs", source, CHANNELS)


def power(source: str) -> str:
    """Of each frame, measured voltage times measured current."""
    return derived('"v_mon" * "i_mon"', "p", source, CHANNELS)


def distance(source: str) -> str:
    """Of each frame, how far the measured voltage is from what was set."""
    return derived('"v_mon" - "v_set"', "distance", source, CHANNELS)


def dew_point() -> str:
    """Of each frame, the dew point as domain/dew_point.py has it; absent where the formula does not hold."""
    low, high = VALID
    holds = f'{AIR} AND "rh" > 0 AND "rh" <= 100 AND "t_air" >= {low} AND "t_air" <= {high}'
    g = derived(f'ln("rh" / 100) + {A} * "t_air" / ({B} + "t_air")', "g", '"env"', holds)
    return f'(SELECT {B} * "g" / ({A} - "g") AS "dew" FROM {g} WHERE $timeFilter GROUP BY "device", "channel")'


def states(by: tuple[str, ...] = ('"device"', '"channel"')) -> str:
    """The last state of each step."""
    return steps('last("state") AS "state"', SUPPLIES, CHANNELS, by)
