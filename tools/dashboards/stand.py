"""The overview of one stand: all channels and the air around them."""

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.frame import board, stand_events, stand_variable, tags, variable
from tools.dashboards.influxql import Query, peak, spread, steps
from tools.dashboards.panels import MAGNITUDE, POWER, SET_AND_MEASURED, graph, listing, timeline
from tools.dashboards.quantities import AIR, CHANNELS, LINE, STAND, SUPPLIES, dew_point, magnitude, power, states

UID = "dcs-stand"


def build() -> dashboard.Dashboard:
    """The dashboard."""
    return board(
        UID,
        "Stand",
        "All channels of one stand, and the air around them.",
        [
            stand_variable("/^(hv|lv|env)$/"),
            variable("device", "device", tags(SUPPLIES, "device", STAND)),
            variable("channel", "channel", tags(SUPPLIES, "channel", STAND)),
            variable("module", "module", tags(SUPPLIES, "module", STAND)),
        ],
        [
            graph(
                "High voltage: set and measured",
                SET_AND_MEASURED,
                "V",
                "voltage",
                [
                    Query("A", steps('last("v_set") AS "set"', '"hv"', CHANNELS), LINE),
                    Query("B", steps(spread("v_mon", "measured"), '"hv"', CHANNELS), LINE),
                ],
            ),
            graph(
                "Leakage current, magnitude",
                MAGNITUDE,
                "A",
                "|current|, logarithmic",
                [Query("A", steps(peak("i_abs", "measured"), magnitude('"hv"'), "$timeFilter"), LINE)],
                log=True,
            ),
            graph(
                "Low voltage: set and measured",
                SET_AND_MEASURED,
                "V",
                "voltage",
                [
                    Query("A", steps('last("v_set") AS "set"', '"lv"', CHANNELS), LINE),
                    Query("B", steps(spread("v_mon", "measured"), '"lv"', CHANNELS), LINE),
                ],
            ),
            graph(
                "Low-voltage power",
                POWER,
                "W",
                "power",
                [Query("A", steps(peak("p", "measured"), power('"lv"'), "$timeFilter"), LINE)],
            ),
            graph(
                "Temperatures and dew point",
                "All measured temperatures of the stand, mean of each step, and the dew point that follows from each "
                "reading of t_air and rh, mean and highest. Where a surface is colder than that, water condenses.",
                "degC",
                "temperature",
                [
                    Query("A", steps("mean(/^t_/)", '"env"', AIR), LINE),
                    Query("B", steps(peak("dew", "dew point"), dew_point(), "$timeFilter"), LINE),
                ],
            ),
            graph(
                "Relative humidity",
                "Measured relative humidity of the air, mean and highest of each step.",
                "%",
                "relative humidity",
                [Query("A", steps(peak("rh", "measured"), '"env"', AIR), LINE)],
            ),
            timeline(
                "States",
                "The last state of each step. A shorter one in between is not seen here: look at the events.",
                Query("A", states(), "$tag_device $tag_channel"),
            ),
            listing(
                "Events",
                "What the devices of the stand and its guard reported, the newest first, at most 200: trips, changes "
                "by hand, interlocks that opened, kills.",
                Query(
                    "A",
                    f'SELECT "event", "why", "device", "channel" FROM "events" WHERE {stand_events()} '
                    "ORDER BY time DESC LIMIT 200",
                    table=True,
                ),
            ),
        ],
        events=stand_events(),
    )
