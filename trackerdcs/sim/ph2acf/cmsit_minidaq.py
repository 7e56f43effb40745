"""The simulated `CMSITminiDAQ` of the Inner Tracker, with the options and exit statuses of the real one."""

import os
import signal
import sys
import time
from pathlib import Path

from trackerdcs.sim.ph2acf.calibrations import INNER
from trackerdcs.sim.ph2acf.ending import Uncaught, terminate
from trackerdcs.sim.ph2acf.hardware import read_hardware
from trackerdcs.sim.ph2acf.inner import InnerRun
from trackerdcs.sim.ph2acf.knobs import KnobError, Knobs, read_knobs
from trackerdcs.sim.ph2acf.log import Log
from trackerdcs.sim.ph2acf.options import Option, OptionsError, parse, usage
from trackerdcs.sim.ph2acf.run_calibration import check_stages
from trackerdcs.sim.ph2acf.run_folder import RealResults, claim_working_folder, inner_number

OPTIONS = (
    Option("help", "this page", short="h"),
    Option("file", "hardware description", "FILE.xml", "f"),
    Option("calib", "name of the calibration", "NAME", "c"),
    Option("reset", "reset the board, nothing else", short="r"),
    Option("prog", "program the chips, nothing else", short="p"),
    Option("runtime", "seconds of data taking, for physics", "SECONDS", "t"),
    Option("binary", "decode a binary file", "FILE.raw", "b"),
    Option("dumpReg", "dump the registers", short="d"),
    Option("sup", "run for a supervisor: SIGINT ends with status 1", short="s"),
    Option("capture", "capture the communication with the board", "FILE.bin"),
    Option("replay", "replay a captured communication", "FILE.bin"),
)


def play(log: Log, knobs: Knobs, found: dict[str, str], number: int) -> int:
    """Everything after the command line was understood; Uncaught where the real program dies."""
    if (calibration := found.get("calib", "")) and (calibration not in INNER or knobs.has("badcalib")):
        log.say(f"<bred>Option not recognized: <byellow>{calibration}", "E")
        return 1
    hardware = read_hardware(Path(found["file"]))
    if not hardware.chips[0].inner:
        raise Uncaught(f"Error: {found['file']} describes no chip of the Inner Tracker")
    if "reset" in found:
        log.say("<bmagenta>@@@ Resetting the board @@@")
        return 0
    run = InnerRun(log, knobs, hardware, calibration or "physics", number)
    run.configure()
    if "dumpReg" in found:
        for chip in hardware.chips:
            log.say(f"<bblue>Registers of chip {chip.number}: {chip.config_file}")
        return 0
    if "prog" in found or not calibration:
        log.say("<bmagenta>@@@ End of CMSIT miniDAQ @@@")
        return 0
    if calibration == "physics" and "runtime" in found:
        time.sleep(knobs.seconds(float(found["runtime"])))
    run.run()
    return 0


def _end(_number: int, _frame: object) -> None:
    os._exit(1)


def main() -> int:
    """Exit status; aborts end the process themselves."""
    try:
        found = dict(parse(sys.argv[1:], OPTIONS))
        if "help" in found:
            print(usage("CMSITminiDAQ", "simulated", OPTIONS) + "\n\nCalibrations: " + " ".join(INNER))
            return 1
        if "file" not in found:
            raise OptionsError("--file is needed")
        if not found.get("runtime", "0").isdecimal():
            raise OptionsError(f"--runtime: expected seconds, got {found['runtime']!r}")
        if "binary" in found and not Path(found["binary"]).is_file():
            raise OptionsError(f"--binary: no file {found['binary']}")
    except OptionsError as e:
        print(e)
        return 1
    try:
        knobs = read_knobs(os.environ)
        check_stages(knobs, (found["calib"],) if "calib" in found else ())
        claim_working_folder(Path.cwd())
    except (KnobError, RealResults, OSError) as e:
        print(f"simulated CMSITminiDAQ: {e}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, _end if "sup" in found else signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    number = inner_number(Path.cwd())
    calibration = found["calib"] if found.get("calib") in INNER else "none"
    try:
        log = Log(Path("logs"), f"CMSITminiDAQ{number:06d}_{calibration}", inner=True)
        return play(log, knobs, found, number)
    except Uncaught as e:
        terminate(e)
    except OSError as e:
        terminate(Uncaught(f"filesystem error: {e}"))


if __name__ == "__main__":
    sys.exit(main())
