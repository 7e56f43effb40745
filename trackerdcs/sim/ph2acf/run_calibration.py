"""The simulated `runCalibration` of the Outer Tracker, with the options and exit statuses of the real one."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from trackerdcs.sim.ph2acf.calibrations import GROUPS, INNER, STAGES
from trackerdcs.sim.ph2acf.ending import Uncaught, abort_on_interrupt, terminate
from trackerdcs.sim.ph2acf.knobs import KnobError, Knobs, read_knobs
from trackerdcs.sim.ph2acf.log import Log, paint
from trackerdcs.sim.ph2acf.options import Option, OptionsError, parse, usage
from trackerdcs.sim.ph2acf.outer import OuterRun
from trackerdcs.sim.ph2acf.run_folder import RealResults, claim_working_folder

OPTIONS = (
    Option("help", "this page", short="h"),
    Option("file", "hardware description", "FILE.xml", "f"),
    Option("run", "hardware description of an earlier run", "NUMBER", "r"),
    Option("last", "hardware description of the last run", short="l"),
    Option("calibration", "name of the calibration", "NAME", "c"),
    Option("batch", "end when the run has ended", short="b"),
)
NO_BASE = "You must source setup.sh or export the PH2ACF_BASE_DIR environmental variable. Exiting..."


def help_page() -> str:
    """Options and calibrations by group, in colours."""
    groups = {**{name: list(group) for name, group in GROUPS.items()}, "Inner Tracker": list(INNER)}
    listed = [
        f"<bblue>{name}:</>\n" + "\n".join(f"\t<green>{each}</>" for each in names) for name, names in groups.items()
    ]
    return usage("runCalibration", "simulated", OPTIONS) + "\n\nCalibrations:\n" + paint("\n".join(listed))


def configuration_path(found: Mapping[str, str], base: str) -> Path:
    """What exactly one of -f, -r and -l says; OptionsError otherwise."""
    if len(found.keys() & {"file", "run", "last"}) != 1:
        raise OptionsError("Exactly one of --file, --run and --last is needed")
    if "file" in found:
        return Path(found["file"])
    results = Path(base, "Results")
    if "run" in found:
        return results / f"Run_{found['run']}" / "Configuration.xml"
    numbers = [int(path.name[4:]) for path in results.glob("Run_*") if path.name[4:].isdecimal()]
    if not numbers:
        raise OptionsError(f"There is no run in {results}")
    return results / f"Run_{max(numbers)}" / "Configuration.xml"


def check_stages(knobs: Knobs, known: tuple[str, ...]) -> None:
    """KnobError for a fault at a stage that this calibration does not have."""
    for fault, stage in (knobs.fail or {}).items():
        if stage and stage not in known:
            raise KnobError(f"TRACKERDCS_PH2ACF_FAIL: {fault} waits for {stage}, the stages are {', '.join(known)}")


def main() -> int:
    """Exit status; aborts end the process themselves."""
    try:
        found = parse(sys.argv[1:], OPTIONS)
        if "help" in found:
            print(help_page())
            return 1
        if not (base := os.environ.get("PH2ACF_BASE_DIR")):
            print(NO_BASE)
            return 1
        if "calibration" not in found:
            raise OptionsError("--calibration is needed; --help lists them")
        path = configuration_path(found, base)
    except OptionsError as e:
        print(e)
        return 1
    try:
        knobs = read_knobs(os.environ)
        check_stages(knobs, STAGES.get(found["calibration"], ()))
        claim_working_folder(Path.cwd())
    except (KnobError, RealResults, OSError) as e:
        print(f"simulated runCalibration: {e}", file=sys.stderr)
        return 2
    abort_on_interrupt(b"Destroying memory objects\nInterfaces destroyed\n")
    try:
        OuterRun(Log(Path("logs"), "Ph2_ACF"), knobs, path, found["calibration"]).run()
    except Uncaught as e:
        terminate(e)
    except OSError as e:
        terminate(Uncaught(f"filesystem error: {e}"))
    while "batch" not in found:
        signal.pause()  # the event loop of ROOT, which waits for a person
    return 0


if __name__ == "__main__":
    sys.exit(main())
