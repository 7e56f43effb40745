"""What the Outer Tracker program says before a run starts: the summary of the hardware and how it is configured."""

from trackerdcs.sim.ph2acf.ending import Uncaught
from trackerdcs.sim.ph2acf.hardware import Group, Hardware
from trackerdcs.sim.ph2acf.knobs import Knobs
from trackerdcs.sim.ph2acf.log import Log

RULE = "*" * 80
LINK_LOST = "lpGBT link failed to LOCK!"


def summary(log: Log, hardware: Hardware) -> None:
    """The hardware tree, the monitored registers and the settings, all beside the logger."""
    board = hardware.tree.find("BeBoard")
    assert board is not None
    log.raw(f"</>\n{RULE}\n{'':35}<bred>HW SUMMARY</>\n{RULE}")
    kind, event = board.get("boardType", "D19C"), board.get("eventType", "VR")
    types = f"BoardType: <byellow>{kind}<bblue>, EventType: <byellow>{event}"
    log.raw(f"<bblue>|----BeBoard --> Id: <byellow>{board.get('Id', '0')}<bblue>, {types}</>")
    log.raw(f"<bcyan>|       |----URI:           <byellow>{hardware.uri}</>")
    for group in hardware.groups:
        log.raw(f"<bblue>|\t|----OpticalGroup --> Id: <byellow>{group.number}<bblue>, Enable: <byellow>1</>")
        for hybrid in group.hybrids:
            log.raw(f"<bblue>|       |----Hybrid --> <bblue>Id: <byellow>{hybrid}<bblue>, Enable: <byellow>1</>")
            for chip in group.chips:
                if chip.hybrid == hybrid:
                    log.raw(f"<bcyan>|  |   |----{chip.tag}  Id :{chip.number}, File: {chip.config_file}</>")
    log.raw(f"{RULE}\n{'':32}<bred>END OF HW SUMMARY</>\n{RULE}")
    for device, register in hardware.registers:
        log.raw(f"<bred>Monitoring</><green> -- <bcyan>{device}</><green>:Register <byellow>{register}</>")
    for name, value in hardware.settings.items():
        log.raw(f"<bred>Setting</><green> -- <bcyan>{name}</><green>:<byellow>{value}</>")
    log.raw()


def connect(log: Log, knobs: Knobs, hardware: Hardware) -> None:
    """Reach the FC7; Uncaught with what the control hub says if it cannot be had."""
    log.say("<bmagenta>@@@ Configuring HW parsed from XML file @@@")
    log.raw()
    host = hardware.uri.partition("//")[2].partition(":")[0] or "localhost"
    if knobs.has("host"):
        raise Uncaught(
            f"Exception of type uhal::exception::TCPConnectionFailure: {host}: Host not found (authoritative)"
        )
    if knobs.has("fc7"):
        raise Uncaught(
            "Exception of type uhal::exception::ControlHubTargetTimeout: The ControlHub returned error code 3 "
            f"'target did not answer' for URI {hardware.uri}"
        )
    log.say("<green>Found an <byellow>Outer Tracker</><green> Readout-board")
    log.say("<bblue>External clock Disabled")
    log.say("<bblue>Configuring FC7...")


def lock(log: Log, knobs: Knobs, group: Group, powered: bool) -> None:
    """The state of an optical link; Uncaught if it is bad."""
    transmits = not knobs.has("nofw")
    receives = transmits and powered and not knobs.has("link")
    for what, good in (("lpGBT TX Ready", transmits), ("MGT Ready", transmits), ("lpGBT RX Ready", receives)):
        state = "<bgreen>\t : LOCKED" if good else "<bred>\t : FAILED"
        log.say(f"<bblue>D19cLinkInterface:GetLinkStatus\t... {what}{state}")
    if not transmits:
        log.say(f"<bred>Link {group.number} is disabled", "E")
        raise Uncaught("ExceptionHandler Error: No object enabled in fDetectorContainer")
    if not receives:
        log.say(f"<bred>{LINK_LOST}", "E")
        raise Uncaught(LINK_LOST)


def configure_group(log: Log, group: Group, fuse: int) -> None:
    """An lpGBT and its module."""
    where = f"optical group <byellow>{group.number}</><green> on Board <byellow>{group.board}</><green>"
    log.say(f"<bblue>Now going to configuring lpGBTs#{group.number} on Board {group.board}")
    log.say("<bgreen>lpGBT Configured [READY]")
    log.say(f"<green>FuseID from LpGBT {where}: 0x<byellow>{fuse:x}")
    log.say(f"<bred>\t--> Calibration data not available for LpGBT with Fuse ID 0x<byellow>{fuse:x}", "W")
    for chip in group.chips:
        log.say(f"<bblue>FrontEndType\t--> {chip.tag}...Configuring chip with Id[{chip.number}]")


def identities(log: Log, group: Group, fuse: int) -> None:
    """The fuse ids of chips, of the lpGBT once more, and of the CICs."""
    for chip in group.chips:
        place = fuse + 257 * chip.hybrid + chip.number
        if chip.kind != "CBC":
            made = f"Pos {place % 190} Wafer {place % 24} Lot 8 Status 0 Process 0 ADCRef 0"
            log.say(f"<green>FuseID from {chip.tag}#{chip.number} {made}")
    where = f"optical group <byellow>{group.number}</><green> on Board <byellow>{group.board}</><green>"
    log.say(f"<green>FuseID from LpGBT {where}: 0x<byellow>{fuse:x}")
    for hybrid in group.hybrids:
        serial = 10_000_000 + (fuse + hybrid) % 100_000
        log.say(
            f"<byellow>FuseID from pre-production CIC2 {serial} LOT 1 Wafer 2 RETICLE {serial % 90} DIE {hybrid % 2}"
        )


def read_back(log: Log, hardware: Hardware) -> None:
    """The registers that are read before the files are written."""
    log.say("<bblue>Reading all the read-only registers to update output files")
    for group in hardware.groups:
        place = f"BeBoard {group.board} OpticalGroup {group.number}"
        log.say(f"<byellow>Reading read-only registers for {place} LpGBT")
        for hybrid in group.hybrids:
            log.say(f"<byellow>Reading read-only registers for {place} Hybrid {hybrid} CIC")
            for chip in group.chips:
                if chip.hybrid == hybrid:
                    log.say(f"<byellow>Reading read-only registers for {place} Hybrid {hybrid} Chip {chip.number}")
