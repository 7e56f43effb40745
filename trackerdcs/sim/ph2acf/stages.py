"""What the Outer Tracker program says and waits for in each stage of a run."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from trackerdcs.sim.ph2acf.calibrations import seconds
from trackerdcs.sim.ph2acf.knobs import Knobs
from trackerdcs.sim.ph2acf.log import CALIBRATION, Log

if TYPE_CHECKING:
    from trackerdcs.sim.ph2acf.values import ChipValues

SNAPSHOT = "<byellow>void Ph2_System::RegisterHelper::takeSnapshot() taking snapshot of the current HW configuration"
RESTORE = "<byellow>void Ph2_System::RegisterHelper::restoreSnapshot() restoring snapshot of the HW configuration"
SILENT = ("TuneLpGBTVref", "ConfigureOnly")


class Stages:
    """Plays one stage at a time; `measure` gives the numbers of all chips as they are now."""

    def __init__(self, log: Log, knobs: Knobs, measure: Callable[[], "list[ChipValues]"]) -> None:
        self._log, self._knobs, self._measure = log, knobs, measure
        self.values: list[ChipValues] | None = None

    def say(self, text: str, level: str = "I") -> None:
        """A line of the calibration thread."""
        self._log.say(text, level, CALIBRATION)

    def play(self, stage: str, inside: Callable[[], None]) -> None:
        """The whole stage; `inside` is called in its middle, where faults happen."""
        if stage in SILENT:
            for _ in range(4):
                self.say("<green>\t--> Waiting for monitoring to pause...")
                self._wait(stage, 0.25)
            inside()
        elif stage == "PedestalEqualization":
            self._equalize(inside)
        elif stage == "PedeNoise":
            self._noise(inside)
        else:
            self.say(f"Starting {stage} measurement.")
            self.say(SNAPSHOT)
            self._middle(stage, inside)
            self.say(f"Done with {stage}.")
            self.say(RESTORE)
            if stage == "OTverifyCICdataWord" and self._knobs.has("i2c"):
                self._i2c_errors()
            self.say(f"Stopping {stage} measurement.")
            self.say(f"{stage} stopped.")

    def _wait(self, stage: str, part: float) -> None:
        time.sleep(self._knobs.seconds(seconds(stage) * part))

    def _middle(self, stage: str, inside: Callable[[], None]) -> None:
        if stage == "OTLpGBTEyeOpeningTest":
            for power in ("0.333333", "0.666667", "1"):
                self.say(f"<byellow>Measuring LpGBT Eye Opening with power {power}")
                self._wait(stage, 1 / 3)
            inside()
            return
        if stage == "OTCICphaseAlignment":
            self.say("<bmagenta>Starting CIC automated phase alignment procedure")
        if stage == "OTPSringOscillatorTest":
            self._log.raw("void OTPSringOscillatorTest::runRingOscillatorTest() measuring")
        self._wait(stage, 0.5)
        inside()
        self._wait(stage, 0.5)

    def _i2c_errors(self) -> None:
        self.say("<bred>D19cOpticalInterface::Write -- Error Code : 7 -- I2C Status : TransactionSucess", "E")
        self.say(
            "<bred>Chip code : 2 on Board id 0 OpticalGroup id 0 Hybrid id 0 Chip Id : 12 -- Register address 0x503f",
            "E",
        )
        self.say("<bred>D19cOpticalInterface::Write : Wrong value read back, written 0x7 but read back 0x4", "E")
        self.say("<bred>D19cFWInterface::MultiRegisterWriteRead FAILED to write to 1939 registers.", "E")

    def _equalize(self, inside: Callable[[], None]) -> None:
        self.say("Starting Pedestal Equalization")
        self.say(SNAPSHOT)
        self._wait("PedestalEqualization", 0.1)
        self.values = self._measure()
        for each in self.values:
            chip = each.chip
            place = f"BeBoard {chip.board} OpticalGroup {chip.group} Hybrid {chip.hybrid} Chip {chip.number}"
            self.say(f"<green>VCth value for {place} = {each.vcth}")
        for name, kinds in 2 * (("strip", ("SSA", "CBC")), ("pixel", ("MPA",))):
            if levels := [each.vcth for each in self.values if each.chip.kind in kinds]:
                mean = round(sum(levels) / len(levels))
                target = f"using as TargetVcth value for all {name} chips!"
                self.say(f"<bblue>Mean VCth value of all {name} chips is {mean} - {target}")
        self._wait("PedestalEqualization", 0.4)
        inside()
        self._wait("PedestalEqualization", 0.4)
        for each in self.values:
            mean_offset = f"{each.offset.mean():.6g}"
            self.say(f"<bred>Mean offset on Chip{each.chip.number} is : {mean_offset} Vcth units.")
        self.say("Done with Pedestal Equalization")
        self.say(RESTORE)
        self._wait("PedestalEqualization", 0.1)
        self.say("Stopping Pedestal Equalization.")
        self.say("Pedestal Equalization stopped.")

    def _noise(self, inside: Callable[[], None]) -> None:
        self.say("Starting noise measurement")
        self.say(SNAPSHOT)
        self._wait("PedeNoise", 0.3)
        self.values = self._measure()
        self._sweep(self.values)
        self._wait("PedeNoise", 0.3)
        inside()
        self._wait("PedeNoise", 0.4)
        for each in self.values:
            chip = each.chip
            wrong = each.bad if each.mean_noise > 0 else range(0, chip.channels, max(1, chip.channels // 4))
            for channel in wrong:
                place = f"Board {chip.board} Optical Group {chip.group} Hybrid {chip.hybrid}"
                place += f" ReadoutChip {chip.number} Channel {chip.place(channel)}"
                for what in ("noise", "threshold"):
                    self.say(f"<byellow>Problem in deriving {what} for {place}, forcing it to 0.", "W")
        self.say("Done with noise")
        self.say(RESTORE)
        self.say("Stopping noise measurement")
        self.say("Noise measurement stopped.")

    def _sweep(self, values: "list[ChipValues]") -> None:
        """Occupancy falls with the threshold of SSA and MPA and rises with that of a CBC."""
        for name, kinds, sign in (("Strip", ("SSA",), -1), ("Strip", ("CBC",), 1), ("Pixel", ("MPA",), -1)):
            if chips := [each for each in values if each.chip.kind in kinds]:
                middle, width = chips[0].vcth, max(chips[0].mean_noise, 0.5)
                for step in range(-2, 3):
                    occupancy = 1 / (1 + 2.718281828 ** (-1.6 * sign * step / width))
                    distance = abs(occupancy - 1) * 100
                    told = f"Occupancy = {occupancy:.2f} -- Distance from target = {distance:.2f}"
                    self.say(f"<bblue>{name} Threshold =  {middle + step} -- {told}")
