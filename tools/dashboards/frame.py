"""What all dashboards share: their head, their variables, events as annotations, links to each other."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from tools.dashboards.influxql import SOURCE, EventQuery, one_of, where

TAG = "trackerdcs"
EVERYTHING = ".*"
"""The value of `All`: also what has no such tag."""


def board(
    uid: str,
    title: str,
    says: str,
    variables: Sequence[dashboard.QueryVariable],
    panels: Sequence[Builder[Panel]],
    *,
    events: str | None = None,
) -> dashboard.Dashboard:
    """A dashboard that nobody can change in the browser, and that follows the newest values; `events` says which."""
    built = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(says)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("10s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("other dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .include_vars(True)
            .keep_time(True)
        )
    )
    for variable in variables:
        built = built.with_variable(variable)
    if events is not None:
        built = built.annotation(annotation(events))
    for number, panel in enumerate(panels, 1):
        # Numbers that stay: links to a panel and its settings in the browser hang on them.
        built = built.with_panel(_Numbered(panel, number))
    return built


def variable(name: str, label: str, query: str, *, many: bool = True) -> dashboard.QueryVariable:
    """A list of what the database knows; of `many`, any number can be chosen, at first all."""
    made = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
        .multi(many)
    )
    if not many:
        return made
    every = VariableOption(selected=True, text=["All"], value=["$__all"])
    return made.include_all(True).all_value(EVERYTHING).current(every)


def tags(source: str, key: str, *conditions: str) -> str:
    """All values of a tag in some measurements."""
    limit = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f'SHOW TAG VALUES FROM {source} WITH KEY = "{key}"{limit}'


def annotation(condition: str) -> dashboard.AnnotationQuery:
    """Events as vertical lines, with their reason as text."""
    columns = ("event", "device", "channel")
    text = f'SELECT "why", {", ".join(f"{chr(34)}{name}{chr(34)}" for name in columns)} FROM "events" WHERE {condition}'
    return (
        dashboard.AnnotationQuery()
        .name("events")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("orange")
        .target(EventQuery("events", text, "why", columns))
    )


def stand_variable(source: str) -> dashboard.QueryVariable:
    """One stand at a time: nothing is compared by mistake."""
    return variable("stand", "stand", tags(source, "stand"), many=False)


def stand_events() -> str:
    """All events of the chosen stand: also one of another channel may explain what is seen."""
    return where(one_of("stand"))


class _Numbered(Builder[Panel]):
    def __init__(self, panel: Builder[Panel], number: int) -> None:
        self._panel, self._number = panel, number

    def build(self) -> Panel:
        panel = self._panel.build()
        panel.id_val = self._number
        return panel
