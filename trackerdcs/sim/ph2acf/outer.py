"""One run of the Outer Tracker program, from the command line that was understood to its end."""

import getpass
import json
import socket
import time
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from signal import SIGSEGV
from typing import TYPE_CHECKING, Any, NoReturn

from trackerdcs.sim.ph2acf import talk
from trackerdcs.sim.ph2acf.calibrations import CLOSE_SECONDS, CONFIGURE_SECONDS, STAGES, seconds
from trackerdcs.sim.ph2acf.ending import Uncaught, die, ignore_interrupts
from trackerdcs.sim.ph2acf.hardware import Hardware, read_hardware
from trackerdcs.sim.ph2acf.knobs import Knobs
from trackerdcs.sim.ph2acf.log import Log
from trackerdcs.sim.ph2acf.run_folder import mark, next_outer_number, result_folder
from trackerdcs.sim.ph2acf.stages import Stages
from trackerdcs.sim.ph2acf.surroundings import Surroundings, look
from trackerdcs.sim.ph2acf.unclosed import leave_unclosed

if TYPE_CHECKING:
    from trackerdcs.sim.ph2acf.values import ChipValues


def stamp() -> str:
    """Local time without a zone, as in the metadata."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


class OuterRun:
    """Plays `runCalibration`: Uncaught where the real one would not catch an exception."""

    def __init__(self, log: Log, knobs: Knobs, configuration: Path, calibration: str) -> None:
        self._log, self._knobs, self._calibration = log, knobs, calibration
        self._begun, self._started = time.time(), ""
        self._path = configuration
        self._hardware: Hardware
        self._seen: list[dict[str, Any]] = []
        self._done: list[dict[str, Any]] = []
        self._fuses: dict[tuple[int, int], int] = {}
        self._number, self._folder = 0, Path()
        self._stages = Stages(log, knobs, self._measure)

    def run(self) -> None:
        """The whole run."""
        log, knobs = self._log, self._knobs
        log.say("Initialized")
        log.say("This is the simulated Ph2_ACF of trackerdcs: no hardware is touched")
        if self._calibration not in STAGES or knobs.has("badcalib"):
            raise Uncaught(f"Error: calibration tag {self._calibration} does not exist")
        log.say("<bblue>Tool created")
        self._hardware = read_hardware(self._path)
        log.say("Use default directory MonitorResults for file dump")
        talk.summary(log, self._hardware)
        self._configure()
        self._start()
        try:
            for stage in STAGES[self._calibration]:
                self._play(stage)
        except Uncaught as e:
            log.say(f"<bred>Caught exception {e}. Trying to save result directory before crashing", "E")
            self._stop()
            raise
        log.raw("int main(int, char**)Supervisor Sending Stop!!!")
        self._stop()
        log.say("Halted")
        log.raw(f"Total execution time:  finished at: {time.ctime()}")
        log.raw(f"\telapsed time: {time.time() - self._begun:.2f} seconds")

    def _look(self, stage: str) -> list[Surroundings]:
        all_seen = [look(self._knobs, n) for n in range(len(self._hardware.groups))]
        for n, seen in enumerate(all_seen):
            told = {"t": seen.t, "hv_v": seen.hv_v, "lv_v": seen.lv_v, "why": seen.why}
            self._seen.append(
                {"stage": stage, "module": n, "at": time.time(), "noise_factor": seen.noise_factor} | told
            )
        return all_seen

    def _configure(self) -> None:
        log, knobs, hardware = self._log, self._knobs, self._hardware
        talk.connect(log, knobs, hardware)
        time.sleep(knobs.seconds(CONFIGURE_SECONDS))
        surroundings = self._look("configure")
        for seen in surroundings:
            log.say(f"<bblue>Simulated surroundings: {seen}")
        for n, group in enumerate(hardware.groups):
            fuse = zlib.crc32(f"{hardware.uri}/{group.board}/{group.number}".encode())
            if n < len(knobs.fuse):
                fuse = knobs.fuse[n]
            self._fuses[group.board, group.number] = fuse ^ 0xFFFF if knobs.has("fuse") else fuse
            talk.lock(log, knobs, group, surroundings[n].powered)
        for group in hardware.groups:
            talk.configure_group(log, group, self._fuses[group.board, group.number])
        log.say("<bgreen>Configured OT module")
        log.say("Starting monitoring thread")
        log.say("Configured")
        for group in hardware.groups:
            talk.identities(log, group, self._fuses[group.board, group.number])

    def _start(self) -> None:
        self._number = next_outer_number(Path.cwd(), count=not self._knobs.has("dupnumber"))
        self._folder = mark(result_folder(self._number))
        leave_unclosed(self._folder / "Results.root")
        self._started = stamp()
        self._log.say(f"Run {self._number} started")

    def _play(self, stage: str) -> None:
        if not all(seen.powered for seen in self._look(stage)):
            raise Uncaught(talk.LINK_LOST)

        def inside() -> None:
            if self._knobs.at("hang", stage, "OTalignLpGBTinputs"):
                self._hang()
            if self._knobs.at("segv", stage, "PedeNoise"):
                die(SIGSEGV)
            if self._knobs.at("crash", stage, "PedeNoise"):
                raise Uncaught(f"{stage}: too many events were lost")

        begun = time.time()
        self._stages.play(stage, inside)
        self._done.append({"name": stage, "t0": begun, "t1": time.time()})

    def _hang(self) -> NoReturn:
        ignore_interrupts()
        while True:
            time.sleep(3600)

    def _measure(self) -> "list[ChipValues]":
        from trackerdcs.sim.ph2acf.values import all_values, mistuned

        latest = {seen["module"]: seen["noise_factor"] for seen in self._seen}
        factors = {(g.board, g.number): latest[n] for n, g in enumerate(self._hardware.groups)}
        values = all_values(self._hardware, self._seed, self._number, factors)
        return mistuned(values) if self._knobs.has("tuning") else values

    @property
    def _seed(self) -> int:
        """The module's: the same module has the same channels in each run."""
        return self._knobs.seed if self._knobs.seed is not None else next(iter(self._fuses.values()))

    def _stop(self) -> None:
        from trackerdcs.sim.ph2acf import saving

        log, knobs, hardware = self._log, self._knobs, self._hardware
        talk.read_back(log, hardware)
        values = self._stages.values or self._measure()
        stages = [each["name"] for each in self._done]
        missing = [min(3, len(values) - 1)] if knobs.has("deadchip") else []
        truth = {
            "simulated": True,
            "program": "runCalibration",
            "calibration": self._calibration,
            "run": self._number,
            "flavour": hardware.flavour,
            "seed": self._seed,
            "faults": dict(knobs.fail or {}),
            "nevents": hardware.events(),
            "fuse_ids": [self._fuses[g.board, g.number] for g in hardware.groups],
            "stages": self._done,
            "surroundings": self._seen,
            "missing_chips": missing,
            "chips": [each.truth() for each in values],
        }
        (self._folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
        full = (Path.cwd() / self._folder).resolve()
        saving.write_texts(full, hardware, values, self._fuses)
        log.say(f"<bgreen>XML file {full}/BE0_Config.xml created successfully.")
        log.say(f"<bblue>Configfiles for all Chips written to {full}/")
        log.say(f"<byellow>New configuration file saved: {full}/Configuration.xml")
        time.sleep(knobs.seconds(CLOSE_SECONDS / 2))
        path = self._folder / "Results.root"
        if not knobs.has("zombie"):
            saving.write_root(
                path, knobs, hardware, values, stages, self._metadata(stages), self._fuses, self._seed, missing
            )
            log.say(f"<green>Closing result file: <byellow>{path}")
        log.say(f"Run {self._number} stopped")
        log.say("<bred>>>> Destroying interfaces <<<")
        monitored = [seen for seen in self._seen if seen["module"] == 0]
        real = CONFIGURE_SECONDS + CLOSE_SECONDS + sum(seconds(stage) for stage in stages)
        name = time.strftime("MonitorDQM_%Y-%m-%d_%H-%M-%S.root", time.localtime(self._begun))
        monitor = mark(Path("MonitorResults")) / name
        time.sleep(knobs.seconds(CLOSE_SECONDS / 2))
        saving.write_monitor_file(monitor, hardware, monitored, (self._begun, time.time()), real, self._seed)
        log.say(f"<green>Closing monitor result file: <byellow>{monitor}")

    def _metadata(self, stages: list[str]) -> dict[str, str]:
        before = ET.tostring(self._hardware.tree, encoding="unicode")
        names = {"Username": getpass.getuser(), "HostName": socket.gethostname()}
        names |= {"GitTag": "simulated", "GitCommitHash": "0" * 40, "CalibrationName": self._calibration}
        names |= {"CalibrationStartTimestamp": self._started, "CalibrationStopTimestamp": stamp()}
        names |= {"SubCalibrationNameAndTime": " ".join(stages), "InitialDetectorConfiguration": before}
        return names
