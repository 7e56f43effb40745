"""A real run and a simulated one of the same configuration: the same events in the same order, the same graphs."""

import os
import re
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path

import uproot

from trackerdcs.tests.ph2acf_bench import ANSI, Ph2AcfCase

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data" / "ph2acf-ps-run"
HEAD = re.compile(r"^\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d: \|\d+\|[IWEDF]\| ")
EVENTS = re.compile(
    r"^(Initialized$|Tool created|HW SUMMARY|END OF HW SUMMARY|@@@ Configuring HW parsed from XML file @@@"
    r"|D19cLinkInterface:GetLinkStatus.*|lpGBT Configured \[READY\]|FuseID from LpGBT .*|FuseID from (?:SSA|MPA)2#\d+"
    r"|Configured OT module|Starting monitoring thread|Configured|Run N started|Run N stopped"
    r"|Starting \w+ measurement\.|Done with .*|Stopping .*|[\w ]+ stopped\.|Starting Pedestal Equalization"
    r"|Starting noise measurement|Measuring LpGBT Eye Opening .*|VCth value for .* =|Mean VCth value of all \w+ chips"
    r"|Mean offset on Chip\d+|int main\(int, char\*\*\)Supervisor Sending Stop!!!|Reading read-only registers for .*"
    r"|XML file .*BE0_Config.xml created successfully\.|New configuration file saved:|Closing result file:"
    r"|Closing monitor result file:|Halted|Total execution time:|\telapsed time:)"
)


def real_run() -> Path:
    """The folder of a real run; the test is skipped where it is not."""
    folder = Path(os.environ.get("TRACKERDCS_PH2ACF_RUN") or BESIDE)
    if not (folder / "Configuration.xml").exists():
        raise unittest.SkipTest(f"no real run at {folder}; TRACKERDCS_PH2ACF_RUN=FOLDER names another place")
    return folder


def events(text: str) -> list[str]:
    """What happened, without times, numbers of runs and paths; a line that is said twice on end counts once."""
    found: list[str] = []
    for line in ANSI.sub("", text).splitlines():
        said = re.sub(r"\bRun \d+ (started|stopped)", r"Run N \1", HEAD.sub("", line)).strip(" ")
        if event := EVENTS.match(said):
            what = re.sub(r"0x\w+|/\S*/", "", event[0]).rstrip()
            if not found or found[-1] != what:
                found.append(what)
    return found


class TestTheRealLog(Ph2AcfCase):
    maxDiff = None

    def test_the_same_events_in_the_same_order(self) -> None:
        folder = real_run()
        (path,) = folder.glob("Run_*.log")
        real = events(path.read_text(encoding="utf-8"))
        ended = self.outer("PSquickTest", folder / "Configuration.xml", SPEED="1000")
        self.assertEqual(ended.rc, 0)
        self.assertGreater(len(real), 150)
        self.assertEqual(events(ended.raw), real)

    def test_the_same_monitor_graphs_and_attributes(self) -> None:
        folder = real_run()
        self.assertEqual(self.outer("PSquickTest", folder / "Configuration.xml").rc, 0)
        (path,) = (self.here / "MonitorResults").glob("*.root")
        names = []
        for each in (folder / "MonitorDQM.root", path):
            with uproot.open(each) as file:
                names.append({name for name, kind in file.classnames().items() if kind == "TGraph"})
        self.assertEqual(*names)
        chips = []
        for tree in (ET.parse(folder / "Configuration.xml"), ET.parse(self.run_folder / "Configuration.xml")):
            chips.append(
                [(e.tag, e.get("Id"), e.get("configFile"), e.get("pedestal")) for e in tree.iter() if e.get("noise")]
            )
        self.assertEqual(*chips)
