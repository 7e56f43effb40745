"""Calibrations and their stages: which there are, in which order, and how long they take on the real hardware."""

from dataclasses import dataclass

SECONDS = {
    "TuneLpGBTVref": 4.0,
    "OTVTRxLightYieldScan": 1.0,
    "OTLpGBTEyeOpeningTest": 83.0,
    "OTalignLpGBTinputs": 12.0,
    "OTalignBoardDataWord": 1.0,
    "OTverifyBoardDataWord": 7.0,
    "OTCICphaseAlignment": 4.0,
    "OTCICwordAlignment": 0.3,
    "OTCICBX0Alignment": 3.0,
    "OTalignStubPackage": 0.3,
    "OTverifyCICdataWord": 25.0,
    "OTverifyMPASSAdataWord": 67.0,
    "OTPSringOscillatorTest": 1.0,
    "PedestalEqualization": 45.0,
    "PedeNoise": 22.0,
    "ConfigureOnly": 0.1,
}
"""A quick test of a PS module; a stage that is not here takes ANY_OTHER."""
ANY_OTHER = 30.0
CONFIGURE_SECONDS = 9.0
CLOSE_SECONDS = 8.0

_ALIGN = (
    "OTalignLpGBTinputs OTalignBoardDataWord OTCICphaseAlignment OTCICwordAlignment OTCICBX0Alignment "
    "OTalignStubPackage"
)
_LINK = "TuneLpGBTVref OTVTRxLightYieldScan OTLpGBTEyeOpeningTest"
_VERIFIED = (
    "OTalignLpGBTinputs OTalignBoardDataWord OTverifyBoardDataWord OTCICphaseAlignment OTCICwordAlignment "
    "OTCICBX0Alignment OTalignStubPackage OTverifyCICdataWord"
)
_EQUAL = "PedestalEqualization PedeNoise"
_PS = f"{_VERIFIED} OTverifyMPASSAdataWord OTPSringOscillatorTest"
_FULL = "OTinjectionDelayOptimization OTinjectionOccupancyScan OTMeasureOccupancy"

GROUPS: dict[str, dict[str, str]] = {
    "Common": {
        "configureonly": "ConfigureOnly",
        "tunelpgbtvref": "TuneLpGBTVref",
        "vtrxoff": "OTVTRxOff",
        "bert": "OTBitErrorRateTest",
        "eyeOpening": "OTLpGBTEyeOpeningTest",
    },
    "Outer Tracker": {
        "noiseOT": f"{_ALIGN} PedeNoise",
        "alignment": _ALIGN,
        "calibration": f"{_ALIGN} PedestalEqualization",
        "pedenoise": f"{_ALIGN} PedeNoise",
        "calibrationandpedenoise": f"{_ALIGN} {_EQUAL}",
        "adccalibrationandpedenoise": f"TuneLpGBTVref {_ALIGN} {_EQUAL}",
        "otlatency": f"{_ALIGN} OTLatency",
        "measureOccupancy": f"{_ALIGN} OTMeasureOccupancy",
        "injectionDelayOptimization": f"{_ALIGN} OTinjectionDelayOptimization",
        "injectionOccupancyScan": f"{_ALIGN} OTinjectionOccupancyScan",
    },
    "2S Module": {
        "2SquickTest": f"{_LINK} {_VERIFIED} {_EQUAL}",
        "2SfullTest": f"{_LINK} {_VERIFIED} {_EQUAL} {_FULL}",
        "commonNoise2S": f"{_ALIGN} {_EQUAL} OT2ScommonNoise",
    },
    "PS Module": {
        "PSquickTest": f"{_LINK} {_PS} {_EQUAL}",
        "PSfullTest": f"{_LINK} {_PS} {_EQUAL} {_FULL}",
        "PSfullTestPart1": f"{_LINK} {_PS}",
        "PSfullTestPart2": f"{_ALIGN} {_EQUAL} {_FULL}",
        "commonNoisePS": f"{_ALIGN} {_EQUAL} OTPScommonNoise",
        "ringOscillatorTest": "OTPSringOscillatorTest",
    },
}
"""Outer Tracker: names and stages by the group in which --help lists them."""
STAGES = {name: tuple(text.split()) for group in GROUPS.values() for name, text in group.items()}


@dataclass(frozen=True)
class Inner:
    """One calibration of the Inner Tracker: its name in files and in the log, and how long it takes."""

    file: str
    seconds: float = 60.0


INNER = {
    "latency": Inner("Latency", 20.0),
    "pixelalive": Inner("PixelAlive", 20.0),
    "noise": Inner("NoiseScan", 60.0),
    "scurve": Inner("SCurve", 120.0),
    "gain": Inner("Gain", 120.0),
    "threqu": Inner("ThrEqualization", 180.0),
    "threqusc": Inner("ThrEqualization", 300.0),
    "gainopt": Inner("GainOptimization", 180.0),
    "thrmin": Inner("ThrMinimization", 120.0),
    "thradj": Inner("ThrAdjustment", 120.0),
    "injdelay": Inner("InjectionDelay", 30.0),
    "clkdelay": Inner("ClockDelay", 30.0),
    "datarbopt": Inner("DataReadbackOptimization", 60.0),
    "datatrtest": Inner("DataTransmissionTest", 60.0),
    "physics": Inner("Physics", 30.0),
    "eudaq": Inner("Physics", 30.0),
    "bertest": Inner("BERtest", 60.0),
    "voltagetuning": Inner("VoltageTuning", 60.0),
    "gendacdac": Inner("GenericDacDac", 120.0),
}


def seconds(stage: str) -> float:
    """On the real hardware."""
    return SECONDS.get(stage, ANY_OTHER)
