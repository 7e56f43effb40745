"""What `trackerdcs doctor` makes of what it heard and of the files beside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.messages import NO_CHANNEL
from trackerdcs.domain.topics import ALARMS, LOADER, RECORDER

if TYPE_CHECKING:
    from trackerdcs.app.overview import DeviceView, Moment, Overview

WAITING = 100
"""Frames that may be in a journal when all is well: they are confirmed within a second or two."""
SPOOLED_S = 30.0
"""A batch that waits longer in a spool: a database takes it within a second."""
GAPS_D = 7
CLOCKS_S = 1.0
"""Clocks further apart than this are worth a warning: a command expires after 5 s."""


class Finding(NamedTuple):
    """One line of the report."""

    grade: Literal["OK", "WARN", "FAIL"]
    text: str


def from_device(device: "DeviceView", at: "Moment") -> Finding:
    """Is it there, and does it speak?"""
    from trackerdcs.cli.rows import duration, last_up

    name, state, age = f"device {device.stand}/{device.name}", device.state(at), device.status_age(at)
    ago = f", said {duration(age)} ago" if age is not None else ""
    error = f": {device.status.error}" if device.status and device.status.error else ""
    if state == "unknown":
        return Finding("FAIL", f"{name} is not there: no status at this broker")
    if state == "silent" and device.fresh(at):
        return Finding("WARN", f"{name} sends frames, but no heartbeat{ago}: commands to it are not sent")
    if state in ("offline", "silent"):
        up = last_up(device)
        alone = f"; its HV WAS ON when last seen, {up}, nobody watches it: trackerdcs kill {device.stand} --direct"
        return Finding("FAIL", f"{name} is {state}{ago}{error}{alone if up else ''}")
    if state == "fault":
        return Finding("WARN", f"{name} has a fault{ago}{error}")
    if not device.live:
        return Finding("WARN", f"{name} is online{ago}, but no frame came while listening{error}")
    return Finding("OK", f"{name} is online{ago}, frames come")


def from_clock(device: "DeviceView") -> Finding | None:
    """How far its clock is from ours, if it was heard live."""
    if device.offset is None:
        return None
    name, apart = f"clock of {device.stand}/{device.name}", abs(device.offset)
    if apart <= CLOCKS_S:
        return Finding("OK", f"{name} agrees with this one within {max(apart, 0.001):.3f} s")
    side = "behind" if device.offset > 0 else "ahead of"
    return Finding("WARN", f"{name} is {apart:.1f} s {side} this one (commands expire after 5 s): set the clocks")


def from_loaders(overview: "Overview", at: "Moment") -> Iterator[Finding]:
    """Does anybody store what is said?"""
    from trackerdcs.cli.rows import duration

    there = False
    for loader in overview.loaders():
        state, age = loader.state(at), loader.status_age(at)
        there |= state in ("online", "fault")
        ago = f", said {duration(age)} ago" if age is not None else ""
        error = f": {loader.status.error}" if loader.status and loader.status.error else ""
        yield Finding("OK" if state == "online" and not error else "WARN", f"{loader.name} is {state}{ago}{error}")
        figures = loader.frame.ch.get(NO_CHANNEL, {}) if loader.frame else {}
        if "parked" in figures:
            parked = float(figures["parked"])
            whose = "" if loader.name == LOADER else f" --loader {loader.name}"
            see = f"see trackerdcs deadletter list{whose}"
            yield Finding(
                "WARN" if parked else "OK", f"{loader.name} has parked {parked:.0f} messages since its start ({see})"
            )
        waits = float(figures.get("spool_age", 0.0))
        if waits > SPOOLED_S and state in ("online", "fault"):
            text = f"{loader.name} has {float(figures.get('waiting', 0.0)):.0f} messages in its spool, the oldest for"
            yield Finding("WARN", f"{text} {duration(waits)}: more come than the database takes")
    if not there:
        yield Finding("FAIL", "no loader is online: frames stay in the devices' journals, nothing is stored")


def from_interlocks(overview: "Overview", named: list[tuple[str, str]], at: "Moment") -> Iterator[Finding]:
    """Does the guard say that they are ok: those that are heard, and those of the stand file?"""
    grades: dict[str, Literal["OK", "WARN", "FAIL"]] = {"ok": "OK", "silent": "FAIL"}
    for stand, name in dict.fromkeys([*named, *overview.interlocks]):
        view = overview.interlocks.get((stand, name))
        text = view.text(at.monotonic) if view else "not known: the guard is not heard"
        grade = grades.get(view.state(at.monotonic) if view else "silent", "WARN")
        if grade == "FAIL":
            text += "; is `trackerdcs guard` running?"
        bypassed = view is not None and view.bypassed
        yield Finding("WARN" if bypassed and grade == "OK" else grade, f"interlock {stand}/{name}: {text}")


def from_alarms(overview: "Overview", at: "Moment") -> Iterator[Finding]:
    """Would anybody be told, and is kept what is commanded? Of the services that were ever heard."""
    lost = {
        ALARMS: "nobody is told of anything: is `trackerdcs alarms` running?",
        RECORDER: "nobody keeps what is commanded: is `trackerdcs recorder` running?",
    }
    for device in (d for d in overview.devices.values() if d.name in lost):
        state = device.state(at)
        error = f": {device.status.error}" if device.status and device.status.error else ""
        grade: Literal["OK", "WARN", "FAIL"] = "OK" if state == "online" else "WARN" if state == "fault" else "FAIL"
        nobody = f"; {lost[device.name]}" if grade == "FAIL" else ""
        yield Finding(grade, f"{device.name} of {device.stand}: the service is {state}{error}{nobody}")


def from_outside(overview: "Overview") -> Iterator[Finding]:
    """Did somebody say what the contract does not allow, while we listened?"""
    for cause, outside in overview.outside.items():
        text = f"{outside.count} messages outside the contract, {cause}; last {outside.topic}: {outside.why}"
        yield Finding("WARN", text)


def from_files(data: Path, devices: list[str]) -> Iterator[Finding]:
    """Journals and dead letters, where they are on this computer."""
    from trackerdcs.services.client import rows_in

    for name in devices:
        path = data / f"{name}.journal.sqlite"
        if path.exists():
            try:
                count = rows_in(path, "frames")
            except StoreFault as e:
                yield Finding("WARN", f"journal of {name}: {e}")
            else:
                yield Finding("WARN" if count > WAITING else "OK", f"journal of {name}: {count} frames not yet stored")
    for path in sorted(data.glob("*.deadletters.sqlite")):
        try:
            count = rows_in(path, "letters")
        except StoreFault as e:
            yield Finding("WARN", f"dead letters: {e}")
        else:
            yield Finding("WARN" if count else "OK", f"dead letters in {path}: {count}")


def from_gaps(data: Path, stand: str, now: int) -> Iterator[Finding]:
    """What the loaders' gap records, where they are on this computer, say of the last days."""
    from trackerdcs.domain.errors import TrackerError
    from trackerdcs.services.gap_records import accounts_of, records

    if not records(data):
        return
    try:
        found = accounts_of(data, stand, None, now - GAPS_D * 86400 * 10**9, now)
    except TrackerError as e:
        yield Finding("WARN", f"gaps: {e}")
        return
    missing, lost = sum(a.frames("missing") for a in found), sum(a.frames("lost", "dropped") for a in found)
    devices = ", ".join(dict.fromkeys(a.device for a in found if a.frames("missing", "lost", "dropped")))
    text = f"{missing} frames missing, {lost} declared lost, of {devices} (see trackerdcs gaps)" if devices else "none"
    yield Finding("WARN" if missing or lost else "OK", f"gaps of {stand} in the last {GAPS_D} days: {text}")
