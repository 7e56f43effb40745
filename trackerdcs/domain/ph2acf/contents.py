"""What the files of a run hold, read but not yet judged: what the readers of files hand to whoever makes the record."""

from dataclasses import dataclass, field

from trackerdcs.domain.ph2acf.layout import Place
from trackerdcs.domain.ph2acf.story import Story
from trackerdcs.domain.ph2acf.trims import Trims
from trackerdcs.domain.ph2acf.verdict import Root
from trackerdcs.domain.ph2acf.xml import Config
from trackerdcs.domain.run import Failure
from trackerdcs.domain.run_results import Blob, Kind, Values


@dataclass
class Found:
    """Everything of one place in a ROOT file, by kind of result: lists, single numbers and pictures."""

    place: Place
    kind: Kind
    chip_type: str
    values: dict[str, Values] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    blobs: list[Blob] = field(default_factory=list)


@dataclass
class RootContent:
    """A file of results. `texts` by name and place; `unread` says how many objects were left in the file, and why;
    `large`: how many of them because they, or the file, hold too much."""

    state: Root = "none"
    why: str = ""
    texts: dict[tuple[str, int | None, int | None], str] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)
    large: int = 0

    def text(self, name: str) -> str:
        """The first text of that name, wherever it is."""
        return next((text for (known, *_), text in self.texts.items() if known == name), "")


@dataclass(frozen=True)
class Graph:
    """A monitored register over time: UTC in s since 1970, as the file has it."""

    place: Place
    register: str
    times: tuple[float, ...]
    values: Values


@dataclass
class MonitorContent:
    """A file of monitored registers."""

    state: Root = "none"
    why: str = ""
    graphs: list[Graph] = field(default_factory=list)
    large: int = 0


@dataclass
class Contents:
    """All that a run's folder says. `config` is the run's own copy; `newest` is when its files were last written (ns
    UTC) by the computer that wrote them, `assumed` the zone of this computer at that time, `given` the one that a
    person names (s east of UTC)."""

    folder: str
    names: tuple[str, ...]
    story: Story | None = None
    config: Config | None = None
    config_name: str = ""
    config_sha256: str = ""
    config_wrong: Failure | None = None
    trims: list[Trims] = field(default_factory=list)
    roots: dict[str, RootContent] = field(default_factory=dict)
    monitors: dict[str, MonitorContent] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    large: list[str] = field(default_factory=list)
    """Files that were not looked into, or not wholly, because of their size."""
    sim: bool = False
    newest: int | None = None
    assumed: int = 0
    given: int | None = None
