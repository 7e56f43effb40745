"""For tests: the simulated Ph2_ACF run as real programs in a folder of their own, as a bridge would run them."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackerdcs.sim.ph2acf.place import BIN, CONFIGS

PS, TWO_S, CROC = CONFIGS / "PS_Module.xml", CONFIGS / "2S_Module.xml", CONFIGS / "CROC_Quad.xml"
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
FAST = "100000"
LIMIT_S = 120


@dataclass(frozen=True)
class Ended:
    """How a program ended and what it said, without colours."""

    rc: int
    lines: list[str]
    errors: str
    raw: str


class Ph2AcfCase(unittest.TestCase):
    """A working folder, and the programs by their absolute paths."""

    def setUp(self) -> None:
        self.here = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def environment(self, **knobs: str) -> dict[str, str]:
        """Of a fast run; `knobs` by the end of their names. An empty text leaves a variable out."""
        values = {"PH2ACF_BASE_DIR": str(self.here), "TRACKERDCS_PH2ACF_PYTHON": sys.executable}
        values |= {"TRACKERDCS_PH2ACF_SPEED": FAST, "TRACKERDCS_PH2ACF_SEED": "7"}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TRACKERDCS_")}
        values |= {
            name if name.isupper() and "_" in name else f"TRACKERDCS_PH2ACF_{name}": v for name, v in knobs.items()
        }
        return clean | {name: value for name, value in values.items() if value}

    def start(self, program: str, *arguments: str | Path, **knobs: str) -> subprocess.Popen[bytes]:
        """The program, with its output on pipes."""
        process = subprocess.Popen(
            [BIN / program, *arguments],
            cwd=self.here,
            env=self.environment(**knobs),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.addCleanup(self._reap, process)
        return process

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
        process.communicate()

    def end(self, process: subprocess.Popen[bytes]) -> Ended:
        """Wait for it."""
        out, err = process.communicate(timeout=LIMIT_S)
        raw = out.decode()
        return Ended(process.returncode, ANSI.sub("", raw).splitlines(), err.decode(), raw)

    def outer(self, calibration: str = "calibrationandpedenoise", config: Path = PS, /, **knobs: str) -> Ended:
        """A whole run of the Outer Tracker."""
        return self.end(self.start("runCalibration", "-b", "-f", config, "-c", calibration, **knobs))

    def inner(self, calibration: str = "scurve", config: Path = CROC, /, **knobs: str) -> Ended:
        """A whole run of the Inner Tracker."""
        return self.end(self.start("CMSITminiDAQ", "-f", config, "-c", calibration, **knobs))

    def read_until(self, process: subprocess.Popen[bytes], text: str) -> None:
        """Its output up to a line with this text."""
        assert process.stdout is not None
        for line in process.stdout:
            if text in ANSI.sub("", line.decode()):
                return
        self.fail(f"ended without saying {text!r}")

    @property
    def run_folder(self) -> Path:
        return self.here / "Results" / "Run_1"

    def truth(self, path: Path | None = None) -> dict[str, Any]:
        """What was put into a run."""
        found: dict[str, Any] = json.loads((path or self.run_folder / "truth.json").read_text(encoding="utf-8"))
        return found
