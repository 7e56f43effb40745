"""How the loaders do, and by what reaches them, the broker: what they say of themselves every 10 s."""

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.frame import board, tags, variable
from tools.dashboards.influxql import Query, one_of, peak, steps, where
from tools.dashboards.panels import graph, listing

UID = "dcs-loader"
LOADER = '"loader"'
PERIODS = "30s"
"""Three periods of a loader's own frames: a step without one is a gap."""
ITSELF = where("\"stand\" = 'site'", one_of("device", "loader"), "\"channel\" = '-'")
SOURCES = where("\"stand\" = 'site'", one_of("device", "loader"), one_of("channel", "source"))
REPORTS = where("\"stand\" = 'site'")
NOT_ITSELF = "\"channel\" != '-'"
BY = ('"device"',)
WHOLE, EACH = "$tag_device $col", "$tag_channel $col"


def build() -> dashboard.Dashboard:
    """The dashboard."""
    return board(
        UID,
        "Loaders and broker",
        "What the loaders receive and store. The broker is seen by what comes through it.",
        [
            variable("loader", "loader", tags(LOADER, "device")),
            variable("source", "source", tags(LOADER, "channel", one_of("device", "loader"), NOT_ITSELF)),
        ],
        [
            graph(
                "Messages received and stored, a second",
                "All messages that the broker gave to a loader, and those that it has put into the database; mean and "
                "highest of each step. Received without stored: the database is down, and the spool grows.",
                "1/s",
                "messages a second",
                [
                    Query(
                        "A",
                        steps(
                            f"{peak('received_rate', 'received')}, {peak('stored_rate', 'stored')}",
                            LOADER,
                            ITSELF,
                            BY,
                        ),
                        WHOLE,
                    )
                ],
            ).interval(PERIODS),
            graph(
                "Parked and duplicate messages since the loader's start",
                "Parked: kept as dead letters, because no database takes them. Duplicates: frames that were stored "
                "before. A fall to zero is a restart of the loader.",
                "1",
                "messages",
                [
                    Query(
                        "A",
                        steps('last("parked") AS "parked", last("duplicates") AS "duplicates"', LOADER, ITSELF, BY),
                        WHOLE,
                    )
                ],
            ).interval(PERIODS),
            graph(
                "Age of the newest stored value",
                "How far the database is behind, over all sources; mean and highest of each step.",
                "s",
                "age",
                [Query("A", steps(peak("lag", "newest value"), LOADER, ITSELF, BY), WHOLE)],
            ).interval(PERIODS),
            graph(
                "Age of the oldest message in the spool",
                "How long the oldest message that is not yet stored has been waiting; mean and highest of each step.",
                "s",
                "age",
                [Query("A", steps(peak("spool_age", "oldest message"), LOADER, ITSELF, BY), WHOLE)],
            ).interval(PERIODS),
            graph(
                "Size of the spool",
                "Bytes in the spool; mean and highest of each step.",
                "B",
                "size",
                [Query("A", steps(peak("spool_size", "spool"), LOADER, ITSELF, BY), WHOLE)],
            ).interval(PERIODS),
            graph(
                "Messages waiting in the spool",
                "Received and not yet stored or parked; mean and highest of each step.",
                "1",
                "messages",
                [Query("A", steps(peak("waiting", "waiting"), LOADER, ITSELF, BY), WHOLE)],
            ).interval(PERIODS),
            graph(
                "Stored messages of each source, a second",
                "A source is a device of a stand, named stand-device; mean of each step.",
                "1/s",
                "messages a second",
                [Query("A", steps('mean("stored_rate") AS "stored"', LOADER, _each()), EACH)],
            ).interval(PERIODS),
            graph(
                "Age of the newest value of each source",
                "A line that climbs is a source of which nothing comes any more; the highest of each step.",
                "s",
                "age",
                [Query("A", steps('max("lag") AS "newest value"', LOADER, _each()), EACH)],
            ).interval(PERIODS),
            listing(
                "What the loaders report",
                "Events of the loaders themselves, the newest first, at most 200: messages that could not be read.",
                Query(
                    "A",
                    f'SELECT "event", "why", "device" FROM "events" WHERE {REPORTS} ORDER BY time DESC LIMIT 200',
                    table=True,
                ),
            ),
        ],
    )


def _each() -> str:
    """The sources, which are all channels but the loader's own."""
    return f"{SOURCES} AND {NOT_ITSELF}"
