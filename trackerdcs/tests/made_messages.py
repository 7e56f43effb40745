"""For tests: messages of every kind, made by hypothesis from all that the contract allows."""

import dataclasses
from typing import Any, get_args

from hypothesis import strategies as st

from trackerdcs.domain.instrument import ROLES, Argument, Channel, CommandSpec, Quantity
from trackerdcs.domain.messages import (
    MESSAGES,
    Ack,
    Alarm,
    AlarmState,
    Bypass,
    Command,
    Event,
    Frame,
    Interlock,
    Message,
    Meta,
    RunNote,
    Severity,
    Status,
)
from trackerdcs.domain.topics import NAME

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAMES = st.from_regex(NAME, fullmatch=True)
CHANNELS = st.one_of(NAMES, st.just("-"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.integers(1, 2**63 - 1)
VALUES = st.one_of(NUMBERS, st.booleans())
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), NUMBERS, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


def wire_fields(message: type[Message]) -> list[str]:
    """Names of the fields of a message on the wire."""
    return [f.name for f in dataclasses.fields(message) if f.name != "extra"]


KNOWN = frozenset(name for message in MESSAGES.values() for name in wire_fields(message))
EXTRA = st.dictionaries(TEXT.filter(lambda key: key not in KNOWN), JSON, max_size=3)
REASONS = st.dictionaries(CHANNELS, st.dictionaries(NAMES, TEXT, max_size=2), max_size=2)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


QUANTITIES = st.dictionaries(NAMES.filter(lambda name: name != "state"), VALUES, max_size=3)
READINGS = st.dictionaries(
    CHANNELS,
    st.tuples(QUANTITIES, maybe(TEXT)).map(lambda pair: pair[0] | ({} if pair[1] is None else {"state": pair[1]})),
    max_size=3,
)
ARGUMENTS = st.builds(Argument, st.sampled_from(["number", "text"]), TEXT, maybe(NUMBERS), maybe(NUMBERS))
COMMANDS = st.builds(
    CommandSpec, st.dictionaries(NAMES, ARGUMENTS, max_size=2), st.sampled_from(ROLES), maybe(st.booleans())
)
DESCRIBED = st.builds(
    Channel,
    st.dictionaries(NAMES, st.builds(Quantity, TEXT, maybe(NUMBERS), maybe(NUMBERS)), max_size=2),
    st.dictionaries(NAMES, COMMANDS, max_size=2),
    TEXT,
    maybe(TEXT),
    maybe(TEXT),
)
FRAMES = st.builds(
    Frame,
    ts=TIMES,
    seq=st.integers(0, 2**53),
    boot=TEXT.filter(bool),
    sw=TEXT,
    kind=NAMES.filter(lambda name: name != "frames"),
    ch=READINGS,
    sim=maybe(st.booleans()),
    bad=REASONS,
    unc=REASONS,
    mod=st.dictionaries(CHANNELS, TEXT, max_size=2),
    runs=st.dictionaries(CHANNELS, st.lists(TEXT, max_size=2), max_size=2),
    extra=EXTRA,
)
MADE: dict[str, st.SearchStrategy[Message]] = {
    "frame": FRAMES,
    "replay": FRAMES,
    "meta": st.builds(
        Meta,
        kind=NAMES,
        sim=st.booleans(),
        period=NUMBERS,
        channels=st.dictionaries(CHANNELS, DESCRIBED, max_size=2),
        extra=EXTRA,
        **{name: TEXT for name in ("model", "serial", "driver", "sw", "boot", "firmware")},
    ),
    "status": st.builds(
        Status,
        state=st.sampled_from(["online", "offline", "fault"]),
        ts=TIMES,
        since=TIMES,
        boot=TEXT,
        sw=TEXT,
        error=maybe(TEXT),
        extra=EXTRA,
    ),
    "cmd": st.builds(
        Command,
        id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
        cmd=TEXT,
        ts=TIMES,
        expires=TIMES,
        ch=CHANNELS,
        args=st.dictionaries(TEXT, JSON, max_size=3),
        by=maybe(TEXT),
        reason=maybe(TEXT),
        extra=EXTRA,
    ),
    "ack": st.builds(
        Ack,
        id=TEXT,
        user=TEXT,
        state=st.sampled_from(["accepted", "refused", "done", "failed", "expired"]),
        ts=TIMES,
        by=maybe(TEXT),
        why=maybe(TEXT),
        readback=st.dictionaries(NAMES, st.one_of(VALUES, TEXT), max_size=2),
        extra=EXTRA,
    ),
    "run": st.builds(
        RunNote,
        state=st.sampled_from(["queued", "configuring", "running", "finalizing", "done", "failed", "aborted"]),
        percent=NUMBERS,
        left=maybe(NUMBERS),
        modules=st.lists(TEXT, max_size=2),
        channels=st.dictionaries(NAMES, st.lists(CHANNELS, max_size=2), max_size=2),
        number=maybe(st.integers(0, 2**53)),
        sim=maybe(st.booleans()),
        extra=EXTRA,
        **{name: TIMES for name in ("ts", "since")},
        **{name: st.integers(0, 2**53) for name in ("seq", "done", "stages")},
        **{name: TEXT for name in ("device", "boot", "calibration")},
        **{name: maybe(TEXT) for name in ("stage", "by", "reason", "code", "why")},
    ),
    "event": st.builds(
        Event,
        event=TEXT,
        ts=TIMES,
        boot=TEXT,
        ch=maybe(CHANNELS),
        why=maybe(TEXT),
        data=st.dictionaries(TEXT, JSON, max_size=2),
        extra=EXTRA,
    ),
    "alarm": st.builds(
        Alarm,
        state=st.sampled_from(get_args(AlarmState)),
        severity=st.sampled_from(get_args(Severity)),
        value=maybe(st.one_of(VALUES, TEXT)),
        until=maybe(TIMES),
        raised=maybe(TIMES),
        extra=EXTRA,
        **{name: TIMES for name in ("ts", "since")},
        **{name: st.integers(0, 2**53) for name in ("seq", "count")},
        **{name: TEXT for name in ("boot", "rule", "of", "guidance")},
        **{name: maybe(TEXT) for name in ("why", "by", "comment")},
    ),
    "interlock": st.builds(
        Interlock,
        state=st.sampled_from(["ok", "open", "unknown"]),
        action=st.sampled_from(["block", "ramp_down", "kill"]),
        ts=TIMES,
        since=TIMES,
        seq=st.integers(0, 2**53),
        boot=TEXT,
        first=maybe(NAMES),
        why=maybe(TEXT),
        values=st.dictionaries(TEXT, st.one_of(VALUES, TEXT), max_size=2),
        bypass=maybe(st.builds(Bypass, TEXT, TEXT, TIMES)),
        over=st.booleans(),
        guidance=TEXT,
        extra=EXTRA,
    ),
}
SPAN = st.tuples(st.integers(0, 2**53), st.integers(0, 2**53)).map(lambda pair: (min(pair), max(pair)))
STORED = st.dictionaries(NAMES, st.dictionaries(TEXT, st.lists(SPAN, max_size=3), min_size=1, max_size=2), max_size=2)
