"""What the environment asks of a simulated program: speed, seed, faults, and which voltages its module has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "TRACKERDCS_PH2ACF_"
NAMES = ("SPEED", "SEED", "FAIL", "SIM", "HV", "LV", "FUSE", "CHANNELS")

FAULTS = {
    "host": "the name of the FC7 is not known",
    "fc7": "the FC7 does not answer",
    "nofw": "the FC7 has no firmware",
    "link": "the optical link does not lock; no run number is taken",
    "badcalib": "the calibration is not known",
    "fuse": "the fuse id is that of another module",
    "i2c": "errors in the log, and the run is good",
    "tuning": "some chips have noise 0, 666 or 20; exit status 0",
    "deadchip": "the histograms of one chip are missing; exit status 0",
    "crash": "an exception in a stage; results are saved, SIGABRT",
    "segv": "SIGSEGV in a stage; the ROOT file is not closed",
    "hang": "no output from a stage on, and SIGINT is ignored",
    "slow": "every stage takes five times as long",
    "disk": "the ROOT file cannot be written, SIGABRT",
    "trunc": "the ROOT file is cut in half; exit status 0",
    "zombie": "exit status 0 without closing the ROOT file",
    "dupnumber": "the run number is not counted up: the next run has it again",
}
AT_A_STAGE = ("crash", "segv", "hang")


class KnobError(Exception):
    """A variable of the simulation that makes no sense; the text names it."""


@dataclass(frozen=True)
class Knobs:
    """All that the environment may say; `fail` maps a fault to the stage it waits for, or to an empty text."""

    speed: float = 30.0
    seed: int | None = None
    fail: Mapping[str, str] | None = None
    sim: tuple[str, int] | None = None
    hv: tuple[tuple[str, str], ...] = ()
    lv: tuple[tuple[str, str], ...] = ()
    fuse: tuple[int, ...] = ()
    channels: bool = False

    def has(self, fault: str) -> bool:
        """Is this fault asked for, at whatever stage?"""
        return fault in (self.fail or {})

    def at(self, fault: str, stage: str, default: str) -> bool:
        """Is this fault asked for at this stage? Without a stage it waits for `default`."""
        return self.has(fault) and ((self.fail or {})[fault] or default) == stage

    def seconds(self, real: float) -> float:
        """How long something lasts here that takes so long on the real hardware."""
        return real * (5.0 if self.has("slow") else 1.0) / self.speed


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise KnobError(f"{name}: expected a number above 0, got {text!r}")
    return value


def _channels(text: str, name: str) -> tuple[tuple[str, str], ...]:
    """One for each optical group; the last one stands for the rest."""
    channels = []
    for word in text.split(",") if text else []:
        if not (found := re.fullmatch(r"([^.\s]+)\.([^.\s]+)", word)):
            raise KnobError(f"{name}: expected DEVICE.CHANNEL such as hv1.ch0, got {text!r}")
        channels.append((found[1], found[2]))
    return tuple(channels)


def _faults(text: str, name: str) -> dict[str, str]:
    faults = {}
    for word in filter(None, text.replace(" ", "").split(",")):
        fault, _, stage = word.partition("@")
        if fault not in FAULTS:
            raise KnobError(f"{name}: no fault {fault!r}, there are {', '.join(FAULTS)}")
        if stage and fault not in AT_A_STAGE:
            raise KnobError(f"{name}: {fault} waits for no stage, only {', '.join(AT_A_STAGE)} do")
        faults[fault] = stage
    return faults


def read_knobs(environment: Mapping[str, str]) -> Knobs:
    """KnobError names the variable that makes no sense."""
    text = {name: environment.get(PREFIX + name, "") for name in NAMES}
    if text["SEED"] and not re.fullmatch(r"\d{1,18}", text["SEED"]):
        raise KnobError(f"{PREFIX}SEED: expected a whole number, got {text['SEED']!r}")
    if text["CHANNELS"] not in ("", "0", "1"):
        raise KnobError(f"{PREFIX}CHANNELS: expected 0 or 1, got {text['CHANNELS']!r}")
    address = re.fullmatch(r"(.+):(\d{1,5})", text["SIM"])
    if text["SIM"] and not address:
        raise KnobError(f"{PREFIX}SIM: expected HOST:PORT, got {text['SIM']!r}")
    fuses = text["FUSE"].split(",") if text["FUSE"] else []
    if not all(re.fullmatch(r"(0x)?[0-9a-fA-F]{1,8}", fuse) for fuse in fuses):
        raise KnobError(f"{PREFIX}FUSE: expected hexadecimal fuse ids with commas between, got {text['FUSE']!r}")
    return Knobs(
        speed=_number(text["SPEED"], PREFIX + "SPEED") if text["SPEED"] else 30.0,
        seed=int(text["SEED"]) if text["SEED"] else None,
        fail=_faults(text["FAIL"], PREFIX + "FAIL"),
        sim=(address[1], int(address[2])) if address else None,
        hv=_channels(text["HV"], PREFIX + "HV"),
        lv=_channels(text["LV"], PREFIX + "LV"),
        fuse=tuple(int(fuse, 16) for fuse in fuses),
        channels=text["CHANNELS"] == "1",
    )
