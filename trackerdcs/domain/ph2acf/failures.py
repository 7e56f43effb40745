"""What is known to go wrong: how the program says it, and what a shifter can do about it."""

import re
from dataclasses import dataclass

from trackerdcs.domain.run import Failure


@dataclass(frozen=True)
class Known:
    """A failure by its code; `pattern` finds it in a line of the log, if the log says it at all."""

    code: str
    text: str
    pattern: re.Pattern[str] | None = None


def _known(code: str, text: str, pattern: str = "") -> Known:
    return Known(code, text, re.compile(pattern) if pattern else None)


FAILURES: dict[str, Known] = {
    known.code: known
    for known in (
        # In the order in which they count: the first that is found is the cause, the rest follow from it.
        _known(
            "host_unknown",
            "The readout board's host name is not known. Check the name in the configuration, and /etc/hosts.",
            r"Host not found \(authoritative\)",
        ),
        _known(
            "fc7_unreachable",
            "The readout board (FC7) does not answer. Is it switched on? Check its cable and network port, then "
            "start again.",
            r"ControlHub returned error code 3",
        ),
        _known(
            "bad_calibration",
            "Ph2_ACF does not know this calibration. Choose one of the names that `runCalibration -h` prints.",
            r"calibration tag .* does not exist|Option not recognized:",
        ),
        _known(
            "not_set_up",
            "Ph2_ACF was started without its environment. The bridge's `setup` has to point at its folder.",
            r"You must source setup\.sh or export the PH2ACF_BASE_DIR",
        ),
        _known(
            "fw_not_loaded",
            "The FC7 has no firmware for this module, or a wrong one. Load it with fpgaconfig, then start again.",
        ),
        _known(
            "link_lock",
            "The optical link to the module does not lock. Is its low voltage on? Check the fibre, then start again.",
            r"No object enabled in fDetectorContainer|lpGBT link failed to LOCK"
            r"|LpGBT chip not configured, reached maximum|Not all data lanes are active for hybrid"
            r"|Clock generator is not locked",
        ),
        _known(
            "disk_full",
            "The disk is full: the results could not be written. Make room, then start again.",
            r"[Nn]o space left on device|error writing to file .*Results\.root",
        ),
        _known(
            "tuning_failed",
            "Some chips could not be tuned. Look at the chips that are marked; is the high voltage on and the "
            "module cold?",
            r"Best VCAL_HIGH value for .* was not found|Average TDAC distribution not centered",
        ),
        _known(
            "exception",
            "Ph2_ACF stopped with an error of its own. Start again; if it comes back, send the last lines of the "
            "log to an expert.",
            r"terminate called after throwing|Caught exception|^\s*what\(\): ",
        ),
        # What is found otherwise than by a line.
        _known(
            "hang",
            "Ph2_ACF said nothing for too long and was ended. Start again; power-cycle the FC7 if it comes back.",
        ),
        _known("crashed", "Ph2_ACF crashed. Its histograms are lost; start again."),
        _known("exit_code", "Ph2_ACF ended with an error code. Look at the last lines of the log."),
        _known("killed", "Ph2_ACF was ended from outside before it was done."),
        _known("not_stopped", "The log does not say that the run was stopped: it ended in the middle. Start again."),
        _known(
            "not_closed",
            "The log does not say that the result file was closed: results are missing. Start again.",
        ),
        _known(
            "no_log",
            "There is no log: nobody can say how this run ended. Copy the log into the folder and import again.",
        ),
        _known(
            "results_missing",
            "The log says that results were written, but no ROOT file with them is in the folder: only half of it "
            "was copied. Copy all of it and import again.",
        ),
        _known(
            "root_unclosed",
            "The ROOT file was never closed: the program ended while it was writing, and the histograms are lost.",
        ),
        _known(
            "root_cut",
            "The ROOT file is cut off: it was not copied whole, or the disk was full. Copy it again and import again.",
        ),
        _known("root_not_root", "The file is called .root but is no ROOT file. Copy the right one and import again."),
        _known(
            "root_unreadable",
            "The ROOT file cannot be read. Copy it again; if that does not help, give it to an expert.",
        ),
        _known(
            "not_stamped",
            "The ROOT file has no time of the end of the calibration: the program ended before it was done.",
        ),
        _known("config_not_xml", "The configuration is no XML. Choose another file, or mend the line that is named."),
        _known(
            "config_no_board",
            "The configuration names no readout board (BeBoard). Choose the configuration of the test stand.",
        ),
        _known("config_missing", "The folder has no configuration. Copy all of it and import again."),
        _known(
            "foreign_folder",
            "Nothing in this folder is from Ph2_ACF. If it is a run, copy all of it here and import again.",
        ),
        _known(
            "still_written",
            "Files of this folder have just changed: the run is still on, or is being copied. Import again when "
            "that is over.",
        ),
        _known(
            "lesser_copy",
            "A file of this folder is shorter than the one that is stored of the same run, which is whole: the stored "
            "one was kept.",
        ),
        _known("duplicate_number", "Another run has the same number. Both are kept; tell them apart by their time."),
        _known(
            "fuse_mismatch",
            "The module says another fuse id than the module that is bound to these channels. Check which module "
            "is on the stand.",
        ),
        _known(
            "clock_zone",
            "The program's clock was set to another time zone than was said. The times of the monitor were used.",
        ),
        _known("clock_off", "The clocks of log and monitor do not agree. Times of this run may be wrong by as much."),
        _known(
            "clock_assumed",
            "Nothing says in which time zone the log was written: that of this computer was assumed.",
        ),
        _known("canvas_unread", "Histograms inside canvases could not be read. They are kept in the raw file."),
        _known(
            "too_large",
            "A part of the files is larger than is looked into. It is kept whole in the raw files, and is missing "
            "among the results.",
        ),
        _known("file_unreadable", "A file of the folder could not be read. It is kept as it is."),
        _known(
            "points_refused",
            "The time series did not take all monitored values. They are in the results of the run.",
        ),
        _known(
            "importer_fault",
            "The importer itself failed on these files, which are kept. Give the folder to an expert.",
        ),
        _known(
            "program_missing",
            "The program is not where the stand file says it is, or cannot be executed. Look at `setup` and "
            "`programs` of the bridge.",
        ),
        _known(
            "config_unknown",
            "There is no such configuration. Choose a file of the folder that the bridge takes them from.",
        ),
        _known(
            "config_outside",
            "The configuration is not in the folder that the bridge takes them from. Name a file of that folder, "
            "without .. and no link to elsewhere.",
        ),
        _known("config_unreadable", "The configuration cannot be read. Look at the rights of the file."),
        _known(
            "no_setting",
            "The configuration has no such setting, so the argument would do nothing. Add it to the file.",
        ),
        _known("too_few_modules", "The configuration reads out fewer modules than were named. Choose another file."),
        _known("no_module", "No such module is bound to the channels of this bridge. Bind it first, or name another."),
        _known("no_go", "Not all that this calibration needs is there: nothing was started. Mend what is named."),
        _known(
            "condition_lost",
            "What this calibration needs was lost during the run, and the run was ended. Mend what is named, then "
            "start again.",
        ),
        _known("board_busy", "Another program is using this readout board. Wait for its end, or abort it."),
        _known("busy", "A calibration is running already. Wait for its end, or abort it."),
        _known("bridge_fault", "The bridge failed and ended the run. Give its log to an expert, then start again."),
        _known(
            "flood",
            "Ph2_ACF said so much that it would have filled the disk, and was ended. Give its output to an expert.",
        ),
        _known("too_long", "The calibration took longer than it may and was ended. Start again, or raise `total`."),
        _known("not_started", "The program could not be started. Look at what the computer says."),
        _known("aborted", "Somebody aborted the run."),
        _known("lease_lost", "The high voltage of the run could not be held any longer: look at its supply."),
        _known(
            "lease_lapsed",
            "The high voltage was not held during a part of the run and may have come down: look at its conditions.",
        ),
        _known(
            "not_imported",
            "The results could not be brought into the store. They are in the run's folder: `trackerdcs import-run`.",
        ),
        _known(
            "note_damaged",
            "What the bridge had noted of this run was damaged when it was started again: the run was ended. Look at "
            "the disk of its computer, then start again.",
        ),
        _known(
            "bridge_restart",
            "The bridge was restarted, and the program was not running any more: nobody saw how it ended.",
        ),
    )
}


def failure(code: str, line: str = "", more: str = "") -> Failure:
    """The failure with this code; `more` says what is special about this one."""
    text = FAILURES[code].text
    return Failure(code, f"{text} ({more})" if more else text, line)


def found_in(lines: list[str], links_failed: bool = False) -> Failure | None:
    """The first cause, in the order of the table, that any of these lines names. `links_failed`: the log says that a
    link has no clock from the FC7, so what looks like a dead link is missing firmware."""
    for code, known in FAILURES.items():
        if known.pattern is None:
            continue
        for line in lines:
            if known.pattern.search(line):
                if code == "link_lock" and links_failed and "No object enabled" in line:
                    code = "fw_not_loaded"
                return failure(code, line)
    return None


_ANY = re.compile("|".join(f"(?:{known.pattern.pattern})" for known in FAILURES.values() if known.pattern))


def of_interest(text: str) -> bool:
    """Whether a line names a failure: what a follower of a long log has to keep."""
    return _ANY.search(text) is not None
