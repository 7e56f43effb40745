"""One run of the Inner Tracker program, from the command line that was understood to its end."""

import getpass
import json
import shutil
import socket
import time
import zlib
from pathlib import Path
from signal import SIGSEGV
from typing import TYPE_CHECKING, Any

from trackerdcs.sim.ph2acf import run_folder
from trackerdcs.sim.ph2acf.calibrations import INNER
from trackerdcs.sim.ph2acf.ending import Uncaught, die, ignore_interrupts
from trackerdcs.sim.ph2acf.hardware import Hardware
from trackerdcs.sim.ph2acf.knobs import Knobs
from trackerdcs.sim.ph2acf.log import Log
from trackerdcs.sim.ph2acf.surroundings import look
from trackerdcs.sim.ph2acf.unclosed import leave_unclosed

if TYPE_CHECKING:
    from trackerdcs.sim.ph2acf.values import ChipValues

STEPS = 8
NOT_CONFIGURED = "LpGBT chip not configured, reached maximum number of attempts"


class InnerRun:
    """Plays one calibration of `CMSITminiDAQ`: Uncaught where the real one would not catch an exception."""

    def __init__(self, log: Log, knobs: Knobs, hardware: Hardware, calibration: str, number: int) -> None:
        self._log, self._knobs, self._hardware = log, knobs, hardware
        self._calibration, self._number = calibration, number
        self._plan = INNER[calibration]
        self._results = run_folder.mark(Path("Results"))
        self._stem = f"Run{number:06d}_{self._plan.file}"
        self._seen: list[dict[str, Any]] = []

    def configure(self) -> None:
        """Bring the hardware up."""
        log, knobs = self._log, self._knobs
        log.say("<bmagenta>@@@ Initializing the Hardware @@@")
        host = self._hardware.uri.partition("//")[2].partition(":")[0] or "localhost"
        if knobs.has("host"):
            raise Uncaught(f"{host}: Host not found (authoritative)")
        if knobs.has("fc7"):
            raise Uncaught(f"The ControlHub returned error code 3 'target did not answer' for {self._hardware.uri}")
        time.sleep(knobs.seconds(5.0))
        factor, powered = self._look("configure")
        log.say(f"<bblue>Simulated surroundings: noise x {factor:.3f}")
        if knobs.has("nofw"):
            log.say("<bred>Clock generator is not locked", "E")
            raise Uncaught("ExceptionHandler Error: No object enabled in fDetectorContainer")
        if knobs.has("link") or not powered:
            log.say(f"<bred>{NOT_CONFIGURED}", "E")
            raise Uncaught(NOT_CONFIGURED)
        for chip in self._hardware.chips:
            log.say(f"<green>Fused ID for chip {chip.number}: {zlib.crc32(repr(chip).encode()) % 10**6}")
        if knobs.has("i2c"):
            log.say("<bred>I2C transaction failed, trying once more", "E")
        log.say("<bmagenta>@@@ Hardware initialization done @@@")

    def _look(self, stage: str) -> tuple[float, bool]:
        seen = look(self._knobs)
        told = {"stage": stage, "module": 0, "at": time.time(), "noise_factor": seen.noise_factor}
        self._seen.append(told | {"t": seen.t, "hv_v": seen.hv_v, "lv_v": seen.lv_v, "why": seen.why})
        return seen.noise_factor, seen.powered

    def run(self) -> None:
        """Scan, save, and count the run number up."""
        begun = time.strftime("%Y-%m-%d %H:%M:%S")
        log, knobs = self._log, self._knobs
        path = self._results / f"{self._stem}.root"
        leave_unclosed(path)
        log.say(f"<bmagenta>@@@ Performing {self._plan.file} scan @@@")
        factor, powered = self._look(self._calibration)
        if not powered:
            raise Uncaught(NOT_CONFIGURED)
        log.say(f"<green>INTERNAL_NTC: {self._temperature():.3f} +/- 0.500 C")
        for step in range(1, STEPS + 1):
            self._progress(100.0 * step / STEPS)
            time.sleep(knobs.seconds(self._plan.seconds / STEPS))
            if step == STEPS // 2:
                self._break()
        values = self._measure(factor)
        self._report(values)
        missing = [min(1, len(values) - 1)] if knobs.has("deadchip") else []
        self._save(path, values, begun, missing)
        if not knobs.has("dupnumber"):
            run_folder.count_inner(Path.cwd(), self._number)
        log.say("<bmagenta>@@@ End of CMSIT miniDAQ @@@")

    def _temperature(self) -> float:
        t = self._seen[-1]["t"]
        return (20.0 if t is None else float(t)) + 4.0

    def _progress(self, percent: float) -> None:
        bar = "=" * int(percent / 4)
        self._log.say("<green>******* Reading data *******")
        self._log.say(f"<green>n. 32-bit words:  <byellow>{int(percent * 1310)}")
        self._log.say(f"<green>>>> Progress: {percent:9.1f}% <<<")
        self._log.say(f"<green>[{bar:<25}]")
        self._log.say("<green>****************************")
        if percent < 100:
            self._log.up(5)

    def _break(self) -> None:
        knobs, stage = self._knobs, self._calibration
        if knobs.at("hang", stage, stage):
            ignore_interrupts()
            while True:
                time.sleep(3600)
        if knobs.at("segv", stage, stage):
            die(SIGSEGV)
        if knobs.at("crash", stage, stage):
            raise Uncaught(f"{self._plan.file}: corrupted event")

    def _measure(self, factor: float) -> "list[ChipValues]":
        from trackerdcs.sim.ph2acf.values import all_values, mistuned

        factors = {(group.board, group.number): factor for group in self._hardware.groups}
        values = all_values(self._hardware, self._seed, self._number, factors)
        return mistuned(values) if self._knobs.has("tuning") else values

    @property
    def _seed(self) -> int:
        return self._knobs.seed if self._knobs.seed is not None else zlib.crc32(self._hardware.uri.encode())

    def _report(self, values: "list[ChipValues]") -> None:
        for each in values:
            chip = each.chip
            place = f"[board/opticalGroup/hybrid/chip = {chip.board}/{chip.group}/{chip.hybrid}/{chip.number}]"
            good = each.pedestal[each.noise > 0]
            if self._calibration == "scurve" and good.size:
                self._log.say(
                    f"<green>Average threshold for {place} is <byellow>{good.mean():.1f}</><green> (Delta_VCal)"
                )
            if self._knobs.has("tuning"):
                self._log.say(f"<bred>>>> Best VCAL_HIGH value for {place} was not found <<<", "W")
        if self._knobs.has("tuning"):
            self._log.say("<bred>Average TDAC distribution not centered around 16 (i.e. 27.3)", "W")
        self._log.say(f"<bblue>\t--> {self._plan.file} saving histograms...")

    def _save(self, path: Path, values: "list[ChipValues]", begun: str, missing: list[int]) -> None:
        from trackerdcs.sim.ph2acf.results_it import chip_text, write_results
        from trackerdcs.sim.ph2acf.saving import cut_in_half, disk_full

        knobs, hardware = self._knobs, self._hardware
        truth = {"simulated": True, "program": "CMSITminiDAQ", "calibration": self._calibration, "run": self._number}
        truth |= {"flavour": hardware.flavour, "seed": self._seed, "faults": dict(knobs.fail or {})}
        truth |= {"nevents": hardware.events(), "surroundings": self._seen, "missing_chips": missing}
        truth |= {"chips": [each.truth() for each in values]}
        self._results.joinpath(f"{self._stem}_truth.json").write_text(json.dumps(truth), encoding="utf-8")
        for each in values:
            stem = Path(each.chip.config_file).name
            saved = self._results / f"Run{self._number:06d}_{stem}"
            saved.write_text(chip_text(each), encoding="ascii")
            if hardware.number("UpdateChipCfg", 0.0):
                shutil.copyfile(saved, stem)
            place = f"{each.chip.board}/{each.chip.group}/{each.chip.hybrid}/{each.chip.number}"
            done = f"{self._plan.file} saved the configuration file for"
            self._log.say(f"<bblue>\t--> {done} [board/opticalGroup/hybrid/chip = {place}]")
        if hardware.number("SaveBinaryData", 0.0):
            (self._results / f"{self._stem}.raw").write_bytes(bytes(4096))
        if knobs.has("zombie"):
            return
        names = {"Username": getpass.getuser(), "HostName": socket.gethostname(), "GitTag": "simulated"}
        names |= {"CalibrationName": self._calibration, "CalibrationStartTimestamp": begun}
        names |= {"CalibrationStopTimestamp": time.strftime("%Y-%m-%d %H:%M:%S")}
        if knobs.has("disk"):
            raise disk_full(path)
        try:
            write_results(path, hardware, values, self._calibration, names, self._seed, missing)
        except OSError as e:
            raise disk_full(path) from e
        if knobs.has("trunc"):
            cut_in_half(path)
