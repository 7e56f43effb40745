"""For tests: folders of runs as Ph2_ACF leaves them behind, small and with the real names, in every state of repair."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from uproot.writing.identify import to_TAxis, to_TH1x, to_TH2x

S = 1_000_000_000
T0 = 1_748_527_187
"""Begin of the run in s UTC: 15:59:47 in a zone two hours east."""
CHIPS = (("SSA", 0, 120), ("MPA", 8, 1920))
EAST = 7200


def local(seconds: float, east: int = EAST, form: str = "%d.%m.%Y %H:%M:%S") -> str:
    return datetime.fromtimestamp(T0 + seconds + east, UTC).strftime(form)


def log_text(number: int = 7, *, stages: bool = True, end: bool = True, extra: str = "", east: int = EAST) -> str:
    """A log of a run of PedestalEqualization and PedeNoise."""
    lines = [(0, "Initialized"), (1, "FuseID from LpGBT optical group 0 on Board 0: 0xec2acd51"), (2, "Configured")]
    lines += [(3, f"Run {number} started")]
    if stages:
        lines += [(4, "Starting Pedestal Equalization"), (14, "Pedestal Equalization stopped.")]
        lines += [(14, "Starting noise measurement"), (24, "Noise measurement stopped.")]
    if end:
        lines += [(25, f"Closing result file: Results/Run_{number}/Results.root"), (26, f"Run {number} stopped")]
        lines += [(27, "Closing monitor result file: MonitorResults/MonitorDQM_x.root")]
    said = [f"{local(t, east)}: |140489373334{number:03d}|I| \x1b[1m{text}\x1b[0m" for t, text in lines]
    return "\n".join([*said, *([extra] if extra else []), ""])


def config_text(noise: str = "") -> str:
    tags = "".join(f'<{t}2 Id="{c}" enable="1"{noise}/>' for t, c, _ in CHIPS)
    return (
        '<HwDescription><BeBoard Id="0" boardType="D19C"><OpticalGroup Id="0" enable="1"><Hybrid Id="0" enable="1">'
        f'{tags}</Hybrid></OpticalGroup></BeBoard><Settings><Setting name="Nevents">100</Setting></Settings>'
        "</HwDescription>"
    )


def th1(numbers: Any, low: float, high: float, errors: Any = None, name: str = "") -> Any:
    """A TH1F as the program books it."""
    data = np.zeros(len(numbers) + 2, np.float32)
    data[1:-1] = numbers
    squares = np.zeros(len(data) if errors is not None else 0)
    if errors is not None:
        squares[1:-1] = np.square(errors)
    axis = to_TAxis("xaxis", "", len(numbers), low, high)
    return to_TH1x(name or None, "", data, float(len(numbers)), 1.0, 1.0, 0.0, 0.0, squares, axis)


def th2(numbers: Any, name: str = "") -> Any:
    """A TH2F with bins of 1."""
    data = np.zeros((numbers.shape[1] + 2, numbers.shape[0] + 2), np.float32)
    data[1:-1, 1:-1] = numbers.T
    x, y = (to_TAxis(n, "", size, -0.5, size - 0.5) for n, size in zip(("xaxis", "yaxis"), numbers.shape, strict=True))
    some = [float(numbers.size), 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    return to_TH2x(name or None, "", data.ravel(), *some, np.zeros(0), x, y)


def noise_of(chip: int, channels: int) -> Any:
    """Numbers that a float32 holds to seven digits, one of them lost in the fit and one forced to zero."""
    noise = np.round(3 + chip / 10 + np.sin(np.arange(channels)) / 4, 4).astype(np.float32)
    noise[3], noise[5] = 666.0, 0.0
    return noise


def write_root(path: Path, *, stamp: bool = True, chips: Any = CHIPS, channel_folder: bool = False) -> None:
    """Results of PedeNoise and PedestalEqualization."""
    with uproot.recreate(path) as file:
        file["Detector/CalibrationName_Detector"] = "calibrationandpedenoise"
        file["Detector/CalibrationStartTimestamp_Detector"] = local(3, form="%Y-%m-%d %H:%M:%S")
        file["Detector/GitTag_Detector"] = "v6-25"
        module = "Detector/Board_0/OpticalGroup_0"
        file[f"{module}/D_B(0)_LpGBTFuseId_OpticalGroup(0)"] = str(0xEC2ACD51)
        for kind, chip, n in chips:
            where = f"{module}/Hybrid_0/{kind}_{chip}"
            tail = f"D_B(0)_O(0)_H(0)_{{}}_Chip({chip})"
            noise = noise_of(chip, n)
            flat = (-0.5, n - 0.5)
            file[f"{where}/{tail.format('ChannelNoise')}"] = th1(noise, *flat, errors=np.full(n, 0.25))
            file[f"{where}/{tail.format('ChannelPulseHeight')}"] = th1(np.full(n, 84.5), *flat)
            file[f"{where}/{tail.format('OffsetValues')}"] = th1(np.arange(n) % 31, *flat)
            file[f"{where}/{tail.format('VplusValue')}"] = th1(np.array([120.0]), 0, 1)
            file[f"{where}/{tail.format('SCurve')}"] = th2(np.outer(np.ones(n), np.arange(255) / 255))
            if channel_folder:
                file[f"{where}/Channel/D_B(0)_O(0)_H(0)_C({chip})_SCurve_Channel(0)"] = th1(np.zeros(255), 0, 255)
        file[f"{module}/Hybrid_0/D_B(0)_O(0)_StripChannelNoise_Hybrid(0)"] = th1(np.ones(960), -0.5, 959.5)
        if stamp:
            file["Detector/CalibrationStopTimestamp_Detector"] = local(26, form="%Y-%m-%d %H:%M:%S")


def write_monitor(path: Path, begin: float = T0 + 3) -> None:
    """Two registers of the module and one of a chip; the first point of one is garbage."""
    times = begin + np.arange(5) * 5.0
    graphs = {
        "D_B(0)_LpGBT_DQM_LpGBTtemp_OpticalGroup(0)": [51.05, 28.6, 28.7, 28.8, 28.9],
        "D_B(0)_LpGBT_DQM_2V55_OpticalGroup(0)": [2.521, 2.522, 2.521, 2.52, 2.521],
        "Hybrid_0/MPA_8/D_B(0)_O(0)_H(0)_MPA_DQM_AVDD_Chip(8)": [1.26, 1.26, 1.26, 1.26, 1.26],
    }
    with uproot.recreate(path) as file:
        for name, values in graphs.items():
            file[f"Detector/Board_0/OpticalGroup_0/{name}"] = uproot.as_TGraph({"x": times, "y": np.array(values)})


def write_run(folder: Path, number: int = 7, *, root: bool = True, monitor: bool = True, sim: bool = False) -> Path:
    """A whole run; the tests take away or break what they are about."""
    folder = folder / f"Run_{number}"
    folder.mkdir(parents=True)
    (folder / f"Run_{number}.log").write_text(log_text(number))
    (folder / "Configuration.xml").write_text(config_text(' noise="3.5" pedestal="84"'))
    (folder / "BE0_OG0_FE0_Chip0SSA.txt").write_text(
        "".join(f"THTRIMMING_S{i + 1} 0x00\t0x1\t0x0F\t0x0A\n" for i in range(120))
    )
    (folder / "BE0_Config.xml").write_text("<BeBoardRegister/>")
    if root:
        write_root(folder / "Results.root")
    if monitor:
        write_monitor(folder / "MonitorDQM.root")
    if sim:
        (folder / "SIMULATED").write_text("")
    return folder


def write_unclosed(path: Path) -> None:
    """A file whose writer died: the head is there, and no keys."""
    with uproot.recreate(path):
        pass


def cut_in_half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
