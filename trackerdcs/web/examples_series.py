"""What OpenAPI shows of the routes of trends: examples that the same code makes as the answers."""

from trackerdcs.domain import trend as said
from trackerdcs.domain.answers import Answer, Table
from trackerdcs.domain.join import Measured, Window, seen
from trackerdcs.domain.run import Run, RunModule
from trackerdcs.domain.series import Bucket
from trackerdcs.web.examples import ID, MODULE, T0, S

_HV = Measured("demo", "hv1", "ch0", "v_mon", "V", 1.0)
_WINDOW = Window(T0, T0 + 40 * S)
_BUCKETS = [
    Bucket(T0, T0 + 10 * S, 10, -199.98, -200.1, -199.9),
    Bucket(T0 + 20 * S, T0 + 40 * S, 20, -200.0, -200.1, -199.9),
]
_RUN = Run(
    ID,
    "done",
    calibration="calibrationandpedenoise",
    number=500749,
    stand="demo",
    start=T0,
    end=T0 + 275 * S,
    modules=(RunModule(MODULE),),
)
_TRIP = said.Happened(T0 + 10 * S, "demo", "hv1", "ch0", "trip", "the current limit was reached")
_TREND = said.Trend(_WINDOW, 10 * S, (seen(_HV, _BUCKETS, _WINDOW),), "asked", said.Marks((_RUN,), (_TRIP,)))
EXAMPLES: dict[str, tuple[Answer, Table]] = {
    "quantities": (said.quantities_answer([_HV]), said.quantities_table([_HV])),
    "series": (said.trend_answer(_TREND), said.trend_table(_TREND)),
}
FAULTS = (401, 403, 404, 422, 501, 503)
