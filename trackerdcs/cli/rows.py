"""What is shown of a channel, as text that cannot be misread without its colours. Plain ASCII, for any terminal."""

import math
from dataclasses import dataclass

from trackerdcs.app.overview import DeviceView, Moment, said
from trackerdcs.domain.instrument import UNITS
from trackerdcs.domain.messages import NO_CHANNEL, TEXT, Value

V_SAFE = 10.0
"""Volts that count as none on a high-voltage output: the default of `v_safe_off`."""
COLUMNS = ("v_set", "v_mon", "i_mon")
SETTINGS = frozenset({"ramp_up", "ramp_down"})
"""Left to `history`: they change with a command only."""
BAD = "bad"
COUNTED = 1e15
"""Whole numbers below this are shown as they are: two counts are compared."""
OLDEST = 3
"""Sources of a loader that are named."""
_PREFIXES = {3: "k", 0: "", -3: "m", -6: "u", -9: "n", -12: "p"}


@dataclass(frozen=True)
class Row:
    """One channel: `cells` by quantity of COLUMNS, `faults` and `doubts` as sentences, `hv` empty, off, ON or ?.

    `flags` are what is true and should not be: trip, compliance.
    """

    device: str
    ch: str
    label: str
    hv: str
    state: str
    cells: dict[str, str]
    flags: list[str]
    others: list[str]
    faults: list[str]
    doubts: list[str]
    fresh: bool
    news: str
    """Why the values are not fresh: stale, not live (kept by the broker) or no data; empty if they are."""
    age: str
    sim: bool = False
    status: str = ""


def rows_of(device: DeviceView, at: Moment) -> list[Row]:
    """A row a channel; a device that has said nothing yet still has one."""
    return [_row(device, ch, at) for ch in device.channels() or [NO_CHANNEL]]


def loader_row(loader: DeviceView, at: Moment) -> Row:
    """Its own figures: it has a channel for each of up to 1000 sources."""
    return _row(loader, NO_CHANNEL, at)


def sources(loader: DeviceView) -> str:
    """How many sources a loader has, whose newest values are the oldest, and which are in doubt; empty without any."""
    channels = loader.frame.ch if loader.frame else {}
    all_lags = ((ch, values.get("lag")) for ch, values in channels.items() if ch != NO_CHANNEL)
    lags = {ch: lag for ch, lag in all_lags if isinstance(lag, int | float)}
    oldest = sorted(lags, key=lambda ch: -lags[ch])[:OLDEST]
    named = ", ".join(f"{ch} {duration(lags[ch])}" for ch in oldest)
    doubts = {ch: why["lag"] for ch, why in loader.frame.unc.items() if "lag" in why} if loader.frame else {}
    doubted = "".join(f"; {ch}: {doubts[ch]}" for ch in sorted(doubts)[:OLDEST])
    more = f"; and {len(doubts) - OLDEST} more in doubt" if len(doubts) > OLDEST else ""
    return clean(f"{len(lags)} sources, oldest values: {named}{doubted}{more}") if lags else ""


def amount(value: Value, unit: str) -> str:
    """A value with its unit; amperes, watts and bytes with a prefix, and a count to the last one."""
    if isinstance(value, bool | str):
        return clean(said(value))
    if unit in ("", "1") and float(value).is_integer() and abs(value) < COUNTED:
        return f"{value:.0f}"
    if unit == "B":
        return _bytes(value)
    if unit in ("A", "W"):
        return _prefixed(value, unit)
    if unit == "s":
        return duration(value)
    return f"{number(value, unit)} {'' if unit == '1' else unit}".strip()


def number(value: float, unit: str) -> str:
    """A number in steps that suit its unit: mV for volts."""
    if unit != "V" or abs(value) >= 1e5:
        return f"{value + 0.0:.5g}"
    text = f"{value:.{2 if abs(value) >= 100 else 3}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def unit_of(device: DeviceView, ch: str, quantity: str) -> str:
    """As the device says, else as the contract fixes it."""
    channel = device.meta.channels.get(ch) if device.meta else None
    known = channel.quantities.get(quantity) if channel else None
    return known.unit if known else UNITS.get(quantity, "")


def duration(seconds: float) -> str:
    """A time span in one unit, short."""
    for limit, size, unit in ((100.0, 1.0, "s"), (6000.0, 60.0, "min"), (48 * 3600.0, 3600.0, "h")):
        if abs(seconds) < limit:
            return f"{seconds / size:.{1 if abs(seconds) < 10 and unit == 's' else 0}f} {unit}"
    return f"{seconds / 86400:.0f} d"


def clean(text: str) -> str:
    """Text from a message without what would move the cursor or colour the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def last_up(device: DeviceView) -> str:
    """The channels that had high voltage when they were last read, with it; for a device that nobody watches now."""
    frame = device.frame
    if frame is None or not _is_hv(device):
        return ""
    up = {ch: v for ch, v in frame.ch.items() if _hv(v, frame.bad.get(ch, {}), True) == "ON"}
    return ", ".join(
        f"{ch} at {amount(values['v_mon'], 'V')}" if "v_mon" in values else ch for ch, values in up.items()
    )


def _row(device: DeviceView, ch: str, at: Moment) -> Row:
    frame, fresh = device.frame, device.fresh(at)
    values = frame.ch.get(ch, {}) if frame else {}
    bad = frame.bad.get(ch, {}) if frame else {}
    unc = frame.unc.get(ch, {}) if frame else {}
    values = {q: v for q, v in values.items() if q not in bad}
    channel = device.meta.channels.get(ch) if device.meta else None
    module = (frame.mod.get(ch) if frame else None) or (channel.module if channel else None)

    def cell(quantity: str) -> str:
        if quantity in bad:
            return BAD
        if quantity not in values:
            return ""
        unit = unit_of(device, ch, quantity)
        value = values[quantity]
        plain = unit == "V" and not isinstance(value, bool | str)
        text = number(float(value), unit) if plain else amount(value, unit)
        text += "?" if quantity in unc else ""
        return text if fresh else f"({text})"

    status = _status(device, at)
    faults, others = (
        _reasons(bad),
        [f"{q} {cell(q)}" for q, v in values.items() if not isinstance(v, bool) and _other(q)],
    )
    if not values and "on" in bad and len(faults) == 1:  # an output of which nothing is known: said once, not ten times
        (why,) = set(bad.values())
        faults = [] if clean(why) in status else [clean(f"nothing can be read: {why}")]
    else:
        others += [f"{q} {BAD}" for q in bad if _other(q)]
    return Row(
        device=device.name,
        ch=ch,
        label=clean(" ".join(filter(None, (channel.label if channel else "", module)))),
        hv=_hv(values, bad, fresh) if _is_hv(device) and (ch != NO_CHANNEL or values) else "",
        state=cell(TEXT) or cell("on").replace("yes", "on").replace("no", "off"),
        cells={q: cell(q) for q in COLUMNS},
        flags=[q if fresh else f"({q})" for q, v in values.items() if v is True and _other(q)],
        others=others,
        faults=faults,
        doubts=_reasons(unc),
        fresh=fresh,
        news="" if fresh else "no data" if frame is None else "stale" if device.live else "not live",
        age=duration(max(age, 0.0)) if (age := device.age(at)) is not None else "",
        sim=device.sim,
        status=status,
    )


def _other(quantity: str) -> bool:
    return quantity not in (*COLUMNS, *SETTINGS, TEXT, "on")


def _is_hv(device: DeviceView) -> bool:
    kinds = {device.meta.kind if device.meta else "", device.frame.kind if device.frame else ""}
    return "hv" in kinds


def _hv(values: dict[str, Value], bad: dict[str, str], fresh: bool) -> str:
    """Is there high voltage? Whatever is not known for certain is a question, never an `off`."""
    on, v = values.get("on"), values.get("v_mon")
    if not fresh:
        return "?"
    if on is True or (isinstance(v, int | float) and abs(v) > V_SAFE):
        return "ON"
    # An instrument that measures with its output on only (a source-meter) leaves v_mon out: that is no doubt.
    return "off" if on is False and "v_mon" not in bad else "?"


def _status(device: DeviceView, at: Moment) -> str:
    """Empty where all is well."""
    state, error = device.state(at), device.status.error if device.status else None
    if state == "online":
        return ""
    age = device.status_age(at)
    since = f" for {duration(age)}" if state == "silent" and age is not None else ""
    return clean(f"{state}{since}" + (f": {error}" if error else ""))


def _reasons(by_quantity: dict[str, str]) -> list[str]:
    """Each reason once, with the quantities that it stands for."""
    reasons: dict[str, list[str]] = {}
    for quantity, why in by_quantity.items():
        reasons.setdefault(why, []).append(quantity)
    return [clean(f"{' '.join(quantities)}: {why}") for why, quantities in reasons.items()]


def _bytes(value: float) -> str:
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} B"


def _prefixed(value: float, unit: str) -> str:
    if value == 0:
        return f"0 {unit}"
    digits = f"{value:.3e}"  # rounded first, so that 999.96 becomes 1.000 of the next prefix
    exponent = max(-12, min(3, math.floor(int(digits[digits.index("e") + 1 :]) / 3) * 3))
    scaled = float(digits) / 10.0**exponent
    decimals = 3 - min(3, max(0, math.floor(math.log10(abs(scaled))))) if abs(scaled) < 1e6 else 0
    return f"{scaled:.{decimals}f} {_PREFIXES[exponent]}{unit}"
