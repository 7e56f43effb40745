"""For tests: the folder of a real run of a PS module, where this machine has it."""

import os
import unittest
from pathlib import Path

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "ph2acf-ps-run"
NUMBER, GRAPHS, POINTS, ERRORS, WARNINGS = 500749, 103, 6306, 4, 28


def real_run() -> Path:
    """The folder; the test is skipped where it is not."""
    folder = Path(os.environ.get("TRACKERDCS_PH2ACF_RUN") or BESIDE)
    if not (folder / "MonitorDQM.root").exists():
        raise unittest.SkipTest(f"no real run at {folder}; TRACKERDCS_PH2ACF_RUN=FOLDER names another place")
    return folder
