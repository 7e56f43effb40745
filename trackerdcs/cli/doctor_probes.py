"""What `trackerdcs doctor` makes of its probes: what would be lost, in one line each, and what helps."""

from collections.abc import Iterator

from trackerdcs.cli.doctor_findings import CLOCKS_S, Finding
from trackerdcs.domain.probing import SESSION_S, BrokerLimits, BucketFacts, FileFacts, apart

BATCH = 1000
"""Messages on their way to a loader at a time below which it may not be fast enough."""
COMMITS = 10
"""Times a second that a loader acknowledges what has come, while little comes."""
LARGEST = 65_536
"""Bytes that a broker should take: what a device says of itself grows with its channels."""
DISK = 500 * 10**6
"""Bytes on a disk below which somebody should make space: some days of a stand in SQLite."""
LATER = "devices' journals make it good, later"
EMBEDDED = Finding(
    "OK",
    "broker is the embedded one, which keeps nothing for a loader that is away: devices' journals send it again "
    "(who publishes without one, a flow say, needs Mosquitto)",
)


def from_limits(limits: BrokerLimits) -> Iterator[Finding]:
    """What the broker does for a loader that is away or slow."""
    from trackerdcs.cli.rows import duration

    if limits.qos == 0:
        yield Finding("FAIL", "broker takes QoS 0 only, nothing is ever acknowledged: set max_qos 2 in mosquitto.conf")
        return
    if not limits.retains:
        text = "broker retains nothing, who comes later sees no device: set retain_available true in mosquitto.conf"
        yield Finding("FAIL", text)
    if limits.largest is not None and limits.largest < LARGEST:
        text = f"broker takes messages of at most {limits.largest} bytes and cuts off who sends a larger one"
        yield Finding("WARN", f"{text}: set max_packet_size {LARGEST} or more in mosquitto.conf")
    if not limits.resumed:
        text = f"broker forgets a loader that is away, and what comes meanwhile: let it keep sessions ({LATER})"
        yield Finding("WARN", text)
        return
    if limits.kept < limits.sent:
        text = f"broker keeps {limits.kept} messages for a loader that is away and drops the rest in silence"
        remedy = "set max_queued_messages 0 in mosquitto.conf, and max_queued_bytes to what memory allows"
        yield Finding("WARN", f"{text}: {remedy} ({LATER})")
    else:
        yield Finding("OK", f"broker kept all of {limits.sent} messages for a client that was away")
    least = "at least " if limits.loader_window == limits.kept else ""
    text = f"broker has {least}{limits.loader_window} messages on their way to a loader at a time"
    if limits.loader_window < min(BATCH, limits.kept):
        most = f"about {COMMITS * limits.loader_window} a second, and its queue fills where more come"
        yield Finding("WARN", f"{text}, {most}: raise its limit in flight to {BATCH}")
    else:
        yield Finding("OK", f"{text}, {limits.window} to a client that does not ask for more")
    if limits.session_s < SESSION_S:
        text = f"broker forgets a loader that is away for {duration(limits.session_s)}, and what came meanwhile"
        yield Finding("WARN", f"{text}: raise its limit of the session expiry ({LATER})")
    else:
        text = f"broker grants a loader that is away {duration(SESSION_S)}; a shorter persistent_client_expiration"
        yield Finding("OK", f"{text} cannot be seen from here: look into mosquitto.conf")
    text = "whether the broker's sessions survive its restart cannot be seen from here: look for `persistence true`"
    yield Finding("OK", f"{text} in mosquitto.conf")


def from_bucket(bucket: str, facts: BucketFacts, asked: int, answered: int) -> Iterator[Finding]:
    """How long the database keeps values, and its clock at a moment between two of ours (ns)."""
    if facts.retention_s is None:
        yield Finding("OK", f"how long bucket {bucket} keeps values cannot be seen with this token")
    elif facts.retention_s:
        text = f"values older than {_days(facts.retention_s)} are removed from bucket {bucket}"
        yield Finding("WARN", f"{text}: set its retention to 0 to keep them")
    else:
        yield Finding("OK", f"bucket {bucket} keeps values for ever")
    if facts.clock is None:
        yield Finding("OK", "clock of the database cannot be seen from here")
        return
    ahead = apart(facts.clock, asked, answered)
    if abs(ahead) <= CLOCKS_S:
        yield Finding("OK", f"clock of the database agrees with this one within {1 + abs(ahead):.0f} s")
        return
    side = "behind" if ahead > 0 else "ahead of"
    text = f"clock of the database is {abs(ahead):.0f} s {side} this one (retention and `last hour` go by it)"
    yield Finding("WARN", f"{text}: set the clocks")


def from_file(name: str, facts: FileFacts) -> Iterator[Finding]:
    """What a SQLite file looks like from beside it."""
    if facts.mode != "wal":
        text = f"store {name} is in mode {facts.mode}, a reader makes the loader wait: start the loader again"
        yield Finding("WARN", text)
    text = f"disk of {name} has {facts.free / 1e9:.1f} GB left"
    if facts.free < DISK:
        yield Finding("WARN", f"{text}, and once it is full nothing is stored: make space")
    else:
        yield Finding("OK", text)


def _days(seconds: int) -> str:
    return f"{seconds / 86400:.3g} d" if seconds >= 86400 else f"{seconds / 3600:.3g} h"
