"""Whether a run has succeeded: proven by four signs, and what to call it where one is missing."""

from dataclasses import dataclass
from typing import Literal

from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.run import Failure, RunState, Signs

UNSEEN = "tuning_failed"
"""What the program reports and then ends as if all were well."""
Root = Literal["whole", "none", "unclosed", "cut", "not_root", "unreadable"]


@dataclass(frozen=True)
class Verdict:
    """The final state, the cause where it is not `done`, and the signs it was judged by."""

    state: RunState
    failure: Failure | None
    signs: Signs


def signs_of(rc: int | None, stopped: bool | None, closed: bool | None, root: Root, stamped: bool) -> Signs:
    """What is known of each sign. A file that is not there says nothing; one that is unreadable is no sign."""
    return Signs(
        None if rc is None else rc == 0, stopped, closed, None if root == "none" else root == "whole" and stamped
    )


def verdict(
    signs: Signs,
    root: Root,
    rc: int | None = None,
    cause: Failure | None = None,
    wrong: Failure | None = None,
    aborted: bool = False,
    inner: bool = False,
) -> Verdict:
    """The final state of a run.

    `done` needs every sign that can be had: all four where somebody saw the program end, the three of the files where
    a run was taken by hand and nobody knows its exit code: then a failure that the log names (`cause`) counts as if
    it had been one. The program does not see itself that a tuning has failed, nor what the results show (`wrong`: a
    chip without histograms, say). `inner`: that program's ROOT file has no time stamp, and its log does not say that
    the file was closed.
    """
    if aborted:
        return Verdict("aborted", cause, signs)
    needed = (signs.stopped,) if inner else (signs.stopped, signs.closed, signs.stamped)
    named = cause if signs.exit_zero is None or (cause and cause.code == UNSEEN) else None
    if signs.exit_zero is not False and all(needed) and root == "whole":
        return Verdict("failed", named or wrong, signs) if named or wrong else Verdict("done", None, signs)
    return Verdict("failed", cause or _missing(signs, root, rc), signs)


def _missing(signs: Signs, root: Root, rc: int | None) -> Failure:
    """What to call it when the log names no cause: the first sign that is missing, in the order of the run."""
    if rc is not None and rc < 0:
        code = "crashed" if rc in (-4, -6, -7, -8, -11) else "killed"
        return failure(code, more=f"signal {-rc}")
    if root in ("unclosed", "cut", "not_root", "unreadable"):
        return failure(f"root_{root}")
    if rc:
        return failure("exit_code", more=f"code {rc}")
    if signs.stopped is None and signs.closed is None:
        return failure("no_log")
    if not signs.closed:
        return failure("not_closed")
    if not signs.stopped:
        return failure("not_stopped")
    if root == "none":
        return failure("results_missing")
    return failure("not_stamped")
