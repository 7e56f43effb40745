"""One channel in depth."""

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.frame import board, stand_events, stand_variable, tags, variable
from tools.dashboards.influxql import Query, one_of, peak, spread, steps, where
from tools.dashboards.panels import MAGNITUDE, POWER, SET_AND_MEASURED, graph, timeline
from tools.dashboards.quantities import CHANNELS, STAND, SUPPLIES, distance, magnitude, power, states

UID = "dcs-channel"
DEVICE = where(STAND, one_of("device"))
FLAGS = {"0": ("no", "text"), "1": ("yes", "red")}


def build() -> dashboard.Dashboard:
    """The dashboard."""
    return board(
        UID,
        "Channel",
        "One channel of one supply, high voltage or low.",
        [
            stand_variable(SUPPLIES),
            variable("device", "device", tags(SUPPLIES, "device", STAND), many=False),
            variable("channel", "channel", tags(SUPPLIES, "channel", STAND, one_of("device")), many=False),
            variable("module", "module", tags(SUPPLIES, "module", STAND, one_of("device"), one_of("channel"))),
        ],
        [
            graph(
                "Voltage: set and measured",
                SET_AND_MEASURED,
                "V",
                "voltage",
                [
                    Query("A", steps('last("v_set") AS "voltage set"', SUPPLIES, CHANNELS, ()), "$col"),
                    Query("B", steps(spread("v_mon", "voltage measured"), SUPPLIES, CHANNELS, ()), "$col"),
                ],
            ),
            graph(
                "Measured voltage minus set voltage",
                "Of each reading; mean, lowest and highest of each step. While the output is off, this is minus the "
                "setpoint.",
                "V",
                "difference",
                [Query("A", steps(spread("distance", "difference"), distance(SUPPLIES), "$timeFilter", ()), "$col")],
            ),
            graph(
                "Current: limit and measured",
                f"{SET_AND_MEASURED} A limit is positive whatever the polarity.",
                "A",
                "current",
                [
                    Query("A", steps('last("i_limit") AS "current limit"', SUPPLIES, CHANNELS, ()), "$col"),
                    Query("B", steps(spread("i_mon", "current measured"), SUPPLIES, CHANNELS, ()), "$col"),
                ],
            ),
            graph(
                "Current, magnitude",
                MAGNITUDE,
                "A",
                "|current|, logarithmic",
                [
                    Query(
                        "A",
                        steps(peak("i_abs", "magnitude measured"), magnitude(SUPPLIES), "$timeFilter", ()),
                        "$col",
                    )
                ],
                log=True,
            ),
            graph(
                "Power",
                POWER,
                "W",
                "power",
                [Query("A", steps(peak("p", "power measured"), power(SUPPLIES), "$timeFilter", ()), "$col")],
            ),
            graph(
                "Frames of the device",
                "Frames stored in each step, and how many of them said that something could not be read. What could "
                "not be read is absent in the other panels.",
                "1",
                "frames in a step",
                [
                    Query(
                        "A",
                        steps('count("seq") AS "stored", count("bad") AS "with bad readings"', '"frames"', DEVICE, ()),
                        "$col",
                    )
                ],
            ),
            timeline(
                "State, by module",
                "The last state of each step, a row for each module that was bound to the channel; the row without a "
                "name is the time without one.",
                Query("A", states(('"module"',)), "module $tag_module"),
            ),
            timeline(
                "Limit and trip",
                "Whether the supply said at any time of the step that it limits the current, or that it has tripped. "
                "A supply that does not say it has no row.",
                Query(
                    "A",
                    steps('max("compliance") AS "current limited", max("trip") AS "tripped"', SUPPLIES, CHANNELS, ()),
                    "$col",
                ),
                unit="1",
                names=FLAGS,
            ),
        ],
        events=stand_events(),
    )
