"""What OpenAPI shows of the routes of runs: examples that the same code makes as the answers."""

from collections.abc import Sequence
from typing import Any

from trackerdcs.app.tables import csv_text
from trackerdcs.domain import answers as said
from trackerdcs.domain import answers_raw as raw
from trackerdcs.domain.answers import Answer, Conditions, Noise, Table, Then
from trackerdcs.domain.join import Measured, Window, seen
from trackerdcs.domain.plain import plain
from trackerdcs.domain.run import ChipSummary, Run, RunFile, RunModule, Signs, Stage, Zone
from trackerdcs.domain.run_links import Binding
from trackerdcs.domain.run_results import Axis, Result, Stats, key_of, packed
from trackerdcs.domain.series import Bucket

S = 1_000_000_000
T0 = 1_780_063_197 * S
MODULE = "PS_26_10-IPG_00012"
ID = "5f0c2a7e9b6d4c1f8e3a7b2d4c6e8f01"
_CHIP = ChipSummary(0, 0, 0, 8, "MPA", 2.48, 0.31, 75.2, 1920, 4)
_RUN = Run(
    ID,
    "done",
    calibration="calibrationandpedenoise",
    tracker="OT",
    flavour="PS",
    number=500749,
    stand="demo",
    device="ph2acf1",
    requested_by="cli",
    why="after the glue has cured",
    start=T0,
    started=T0 + 4 * S,
    end=T0 + 275 * S,
    zone=Zone(7200, "bridge", 0.012),
    config="PS_Module.xml",
    rc=0,
    signs=Signs(True, True, True, True),
    stages=(Stage("PedeNoise", T0 + 4 * S, T0 + 270 * S),),
    modules=(RunModule(MODULE, "ec2acd51", channels=("demo/hv1/ch0", "demo/lv1/ch1")),),
    channels=32640,
    bad=4,
    summary=(_CHIP,),
    files=(RunFile("Results.root", "root", 12_345_678, "9f" * 32),),
    importer=1,
    complete=True,
)
_HV = Measured("demo", "hv1", "ch0", "v_mon", "V", 1.0)
_AIR = Measured("demo", "env1", "-", "t_air", "degC", 1.0, shared=True)
_WINDOW = Window(T0, T0 + 20 * S)
_SEEN = seen(_HV, [Bucket(T0, T0 + 10 * S, 10, -199.98, -200.1, -199.9)], _WINDOW)
_RESULT = Result(
    ID,
    "pedenoise",
    0,
    0,
    0,
    8,
    "MPA",
    MODULE,
    1,
    T0,
    {"noise": (2.5, None, 2.6)},
    stats={"noise": Stats(2, 2.55, 0.05, 2.5, 2.6)},
    blobs=(packed("SCurve", "<f4", (2, 3), (Axis("channel", 2, -0.5, 1.5), Axis("Vcth", 3, 0.0, 3.0)), bytes(24)),),
)
_NOISE = Noise(_RUN, (_CHIP,), (seen(_AIR, [Bucket(T0, T0 + 20 * S, 20, 21.3, 21.1, 21.4)], _WINDOW),))
_THEN = Then(T0 + S, (_RUN,), (Binding("demo", "hv1", "ch0", MODULE, T0 - 86_400 * S),))
_CONDITIONS = Conditions(_RUN, _WINDOW, 10 * S, (_SEEN,), "asked")


def _results() -> Answer:
    one: Answer = said.said(plain(_RESULT))
    return {"results": [{"key": key_of(_RESULT)} | {name: value for name, value in one.items() if name != "values"}]}


EXAMPLES: dict[str, tuple[Answer, Table]] = {
    "runs": (
        {"runs": [said.brief_answer(_RUN)], "next": f"/api/runs?limit=1&after={T0}%3A{ID}"},
        said.runs_table([_RUN]),
    ),
    "run": (said.run_answer(_RUN), said.runs_table([_RUN])),
    "results": (_results(), said.results_table([_RESULT], False)),
    "files": (raw.files_answer(ID, _RUN.files), raw.files_table(ID, _RUN.files)),
    "picture": (raw.picture_answer(_RESULT, _RESULT.blobs[0]), raw.picture_table(_RESULT, _RESULT.blobs[0])),
    "conditions": (said.conditions_answer(_CONDITIONS), said.conditions_table(_CONDITIONS)),
    "noise": (said.noise_answer(MODULE, [_NOISE]), said.noise_table(MODULE, [_NOISE])),
    "at": (said.then_answer(_THEN), said.then_table(_THEN)),
}
FAULTS = {
    401: ("Nobody is logged in.", "not logged in"),
    403: ("The role at that stand is too low.", "this needs the role viewer at demo, guest is viewer at other"),
    404: ("There is no such run.", "there is no run 'x'"),
    409: ("The run has not begun.", "run x is queued and has no start: there is no time to look at"),
    411: ("The length is missing.", "Nothing was done: the length of the request is missing."),
    413: ("It is too large.", "Nothing was done: more than 16384 bytes."),
    422: ("A parameter is wrong: which one, and what was expected.", "bucket: '1': expected a time such as 500ms, 10s"),
    501: ("Parquet is not installed.", "Parquet is not installed here: pip install 'trackerdcs[parquet]'"),
    503: ("A database is away; the same request may work later.", "not reachable"),
}


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the answers that say what is wrong."""
    return {
        status: {
            "description": FAULTS[status][0],
            "content": {"application/json": {"example": {"error": FAULTS[status][1]}}},
        }
        for status in statuses
    }


def role(needed: str) -> dict[str, str]:
    """The least role of a route, for who reads the document: `all` need no login, `login` is whoever has one. It is
    needed at the stand that the path names or the run belongs to; where there is none, at any."""
    return {"x-role": needed}


def tabled(name: str, whole: Any, table: Table, statuses: Sequence[int]) -> dict[str, Any]:
    """What the decorator of a route that answers as JSON or as a table is given, with the faults it may answer."""
    content = {
        "application/json": {"example": whole},
        "text/csv": {"example": csv_text(table)},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
    }
    ok: dict[int | str, dict[str, Any]] = {200: {"description": "As JSON, CSV or Parquet.", "content": content}}
    return {
        "responses": ok | faults(*statuses),
        "openapi_extra": role("viewer"),
        "name": name,
        "operation_id": name,
    }


def documented(name: str) -> dict[str, Any]:
    """The same for a route of runs."""
    return tabled(name, *EXAMPLES[name], (401, 403, 404, 409, 422, 501, 503))


def downloaded(name: str) -> dict[str, Any]:
    """The same for a route that sends a file."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "root..."}}
    ok: dict[int | str, dict[str, Any]] = {200: {"description": "The file, as an attachment.", "content": content}}
    return {
        "responses": ok | faults(401, 403, 404, 503),
        "openapi_extra": role("viewer"),
        "name": name,
        "operation_id": name,
    }
