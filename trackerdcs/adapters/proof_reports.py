"""Reports of `trackerdcs proof` in the folder of a stand, where its devices read when each channel was last proven."""

import json
from dataclasses import asdict
from pathlib import Path

from trackerdcs.adapters.whole_file import write_whole
from trackerdcs.domain.codec import plain
from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.proving import Report

REPORTS = "proof-*.json"


def write_report(data: Path, report: Report, proven: list[str]) -> Path:
    """Leave a report, with the outputs that it has proven, in the folder; raises StoreFault."""
    path = data / REPORTS.replace("*", report.ts.replace(":", "").replace("-", ""))
    text = json.dumps(asdict(report) | {"proven": proven}, indent=1, ensure_ascii=False)
    try:
        write_whole(path, f"{text}\n".encode())
    except OSError as e:
        raise StoreFault(f"{path}: {e.strerror}") from e
    return path


def last_proofs(data: Path, device: str) -> dict[str, str]:
    """When each channel of a device was last proven, by the reports in the folder; a spoilt one proves nothing."""
    found: dict[str, str] = {}
    for path in sorted(data.glob(REPORTS)):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            said = plain(f"{report['ts']} ({report['how']})")
            found |= {ch: said for name, _, ch in (out.partition(".") for out in report["proven"]) if name == device}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    return found
