"""What probes have found of a broker and a database, as far as it decides what can be lost."""

from dataclasses import dataclass

SESSION_S = 30 * 86_400
"""A loader that is away for less finds what was sent to it meanwhile, where the broker grants it."""
WINDOW = 65_535
"""Messages that a loader would have on their way to it before it acknowledges: the most that MQTT 5 can ask for."""


@dataclass(frozen=True)
class BrokerLimits:
    """What a broker says of its limits, and what it did with `sent` messages for a client that was away."""

    session_s: int
    """How long it keeps the session of a client that asked for SESSION_S."""
    qos: int = 2
    retains: bool = True
    largest: int | None = None
    """Bytes of the largest message; None: it names no limit."""
    resumed: bool = False
    """Whether it knew the client again."""
    sent: int = 0
    kept: int = 0
    window: int = 0
    """Of these, how many it sends without an acknowledgement to a client that does not say how many it wants."""
    loader_window: int = 0
    """The same for one that asks for WINDOW."""


@dataclass(frozen=True)
class BucketFacts:
    """What a database says of its bucket and of its clock, both None where it does not."""

    retention_s: int | None
    """0: values are kept for ever."""
    clock: int | None
    """Whole seconds UTC, cut off, at a moment between a question and its answer."""


@dataclass(frozen=True)
class FileFacts:
    """What there is to know of a SQLite file from beside it."""

    mode: str
    free: int
    """Bytes left on its disk."""


def apart(clock: int, asked: int, answered: int) -> float:
    """Seconds at least that our clock (ns, at the question and the answer) is ahead of one that shows whole seconds."""
    if asked >= (clock + 1) * 10**9:
        return asked / 1e9 - (clock + 1)
    return min(0.0, answered / 1e9 - clock)
