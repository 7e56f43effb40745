"""`make dashboards`: writes grafana/dashboards/*.json anew."""

import json
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tools.dashboards import channel, loader, stand

FOLDER = Path(__file__).resolve().parents[2] / "grafana" / "dashboards"
BOARDS = {"stand": stand.build, "channel": channel.build, "loader": loader.build}


def texts() -> Iterator[tuple[str, str]]:
    """File name and content of each dashboard."""
    for name, build in BOARDS.items():
        yield f"dcs-{name}.json", json.dumps(build().build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them all; files of dashboards that are no more go."""
    written = dict(texts())
    for path in FOLDER.glob("*.json"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
