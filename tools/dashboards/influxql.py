"""Queries in InfluxQL, which InfluxDB 1, 2 and 3 understand, as Grafana's panels and annotations hold them."""

from collections.abc import Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import AnnotationTarget, DataSourceRef

SOURCE = DataSourceRef(type_val="influxdb", uid="slow-control")
"""The data source of grafana/provisioning/datasources."""
STEP = "time($__interval)"
SERIES = ('"device"', '"channel"')
"""What makes a line of its own: a channel keeps its line when another module is bound to it."""


class Query(Dataquery, Builder[Dataquery]):
    """One query of a panel; `alias` names its lines: $tag_device, $tag_channel and $col (the name of the column)."""

    def __init__(self, letter: str, text: str, alias: str = "", table: bool = False) -> None:
        self.letter, self.text, self.alias, self.table = letter, text, alias, table

    def build(self) -> Dataquery:
        """It is its own model."""
        return self

    def to_json(self) -> dict[str, object]:
        """As Grafana's own editor would write it."""
        return {
            "refId": self.letter,
            "datasource": SOURCE,
            "query": self.text,
            "rawQuery": True,
            "resultFormat": "table" if self.table else "time_series",
            "alias": self.alias,
        }


class EventQuery(AnnotationTarget, Builder[AnnotationTarget]):
    """The query of an annotation, and which of its columns are shown how."""

    def __init__(self, name: str, text: str, why: str, tags: Sequence[str]) -> None:
        super().__init__()
        self._name, self._text, self._why, self._columns = name, text, why, tags

    def build(self) -> AnnotationTarget:
        """It is its own model."""
        return self

    def to_json(self) -> dict[str, object]:
        """As Grafana's own editor would write it; the SDK knows only the keys of Grafana's built-in annotations."""
        return super().to_json() | {
            "refId": "Anno",
            "name": self._name,
            "query": self._text,
            "queryType": "tags",
            "fromAnnotations": True,
            "textColumn": self._why,
            "tagsColumn": ",".join(self._columns),
            "titleColumn": "",
            "timeEndColumn": "",
        }


def one_of(tag: str, variable: str | None = None) -> str:
    """The tag is what the variable of this name says. `All` is any text, and a series without the tag, too."""
    return f'"{tag}" =~ /^${{{variable or tag}:regex}}$/'


def where(*conditions: str) -> str:
    """The time range of the dashboard, and all of these."""
    return " AND ".join(("$timeFilter", *conditions))


def steps(columns: str, source: str, condition: str, by: Sequence[str] = SERIES) -> str:
    """A value for each step of the time axis. A step in which nothing was measured is null, so that a gap is seen."""
    return f"SELECT {columns} FROM {source} WHERE {condition} GROUP BY {', '.join((STEP, *by))} fill(null)"


def derived(formula: str, name: str, source: str, condition: str, by: Sequence[str] = SERIES) -> str:
    """What follows from each reading, to be a source of `steps`: a mean of products is no product of means."""
    return f'(SELECT {formula} AS "{name}" FROM {source} WHERE {condition} GROUP BY {", ".join(by)})'


def spread(quantity: str, word: str) -> str:
    """Columns with the mean of a step, and its lowest and highest value: no spike is averaged away."""
    return (
        f'mean("{quantity}") AS "{word}", min("{quantity}") AS "{word} lowest", max("{quantity}") AS "{word} highest"'
    )


def peak(quantity: str, word: str) -> str:
    """The same without the lowest, where only the highest matters."""
    return f'mean("{quantity}") AS "{word}", max("{quantity}") AS "{word} highest"'
