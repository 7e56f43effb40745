"""The few kinds of panels that the dashboards are made of: plain, so that they can be trusted without being seen."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common, statetimeline, table, timeseries
from grafana_foundation_sdk.models.common import (
    AxisPlacement,
    FieldTextAlignment,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    ScaleDistribution,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from tools.dashboards.influxql import SOURCE, Query

UNITS = {
    "V": "volt",
    "A": "amp",
    "W": "watt",
    "degC": "celsius",
    "%": "percent",
    "s": "s",
    "B": "decbytes",
    "1/s": "mps",
    "1": "none",
    "": "string",
}
"""Grafana's name of each unit of domain/instrument.py."""
STATES = {
    "off": "text",
    "ramping_up": "light-blue",
    "on": "green",
    "ramping_down": "dark-blue",
    "hold": "yellow",
    "tripped": "red",
    "unknown": "purple",
}
"""A colour for each state, which means nothing else anywhere."""
SET_AND_MEASURED = (
    "Dashed: what is set. Solid: what the supply measures, the mean of each step, and thin the lowest and the highest. "
    "A gap: nothing was stored."
)
MAGNITUDE = (
    "Absolute value of the measured current, mean and highest of each step. Logarithmic: an exact zero is not drawn."
)
POWER = "Measured voltage times measured current of each reading; mean and highest of each step."
FULL, HALF = 24, 12
HIGH, LOW = 10, 6
SET = r"/ (set|limit)$/"
EDGE = r"/ (lowest|highest)$/"


def graph(
    title: str, says: str, unit: str, axis: str, queries: Sequence[Query], *, width: int = HALF, log: bool = False
) -> timeseries.Panel:
    """Lines over time. What was set is dashed and steps, what was measured is solid; extremes are thin. No line is
    drawn over a step without a value."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(UNITS[unit])
        .span(width)
        .height(HIGH)
        .draw_style(GraphDrawStyle.LINE)
        .line_interpolation(LineInterpolation.LINEAR)
        .line_width(2)
        .fill_opacity(0)
        .show_points(VisibilityMode.AUTO)
        .span_nulls(False)
        .axis_label(axis)
        .axis_placement(AxisPlacement.LEFT)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .override_by_regexp(
            SET,
            [
                DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
                DynamicConfigValue("custom.lineInterpolation", "stepAfter"),
            ],
        )
        .override_by_regexp(
            EDGE,
            [
                DynamicConfigValue("custom.lineWidth", 1),
                DynamicConfigValue("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False}),
            ],
        )
    )
    if log:
        panel = panel.scale_distribution(common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10))
    for query in queries:
        panel = panel.with_target(query)
    return panel


def timeline(
    title: str, says: str, query: Query, *, unit: str = "", names: dict[str, tuple[str, str]] | None = None
) -> statetimeline.Panel:
    """Bars of text over time; `names` gives text and colour of each value, otherwise they are states."""
    shown = names or {state: (state, colour) for state, colour in STATES.items()}
    return (
        statetimeline.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(UNITS[unit])
        .span(FULL)
        .height(HIGH)
        .mappings([_mapping(shown)])
        .merge_values(True)
        .show_value(VisibilityMode.AUTO)
        .fill_opacity(80)
        .legend(_legend())
        .with_target(query)
    )


def listing(title: str, says: str, query: Query) -> table.Panel:
    """Rows of text, the newest first."""
    return (
        table.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(UNITS[""])
        .align(FieldTextAlignment.AUTO)
        .span(FULL)
        .height(HIGH)
        .with_target(query)
    )


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def _mapping(names: dict[str, tuple[str, str]]) -> ValueMapping:
    options = {
        value: ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(names.items())
    }
    return ValueMap(options=options)
