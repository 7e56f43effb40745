"""For tests: the pages of the repository, their fenced blocks and their links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^(?P<mark>```+|~~~+) *(?P<words>[^\n`]*)\n(?P<text>.*?)^(?P=mark)[ ]*$", re.M | re.S)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.M)
_HEADING = re.compile(r"^#+ +(.+?) *#* *$", re.M)


@dataclass(frozen=True)
class Block:
    """A fenced block; `language` is the first word behind the fence."""

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> dict[str, str]:
    """The text of each page by its path from the repository's root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "doc").rglob("*.md")]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(found)}


def blocks(page: str, text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for match in _BLOCK.finditer(text):
        language = (match["words"].split() or [""])[0]
        yield Block(page, text.count("\n", 0, match.start()) + 1, language, match["text"])


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return _BLOCK.sub("", text)


def links(text: str) -> list[str]:
    """Where a page's links lead, those to other sites left out."""
    targets = [inline or named for inline, named in _LINK.findall(prose(text))]
    return [target for target in targets if not re.match(r"[a-z][a-z0-9+.-]*:", target)]


def anchors(text: str) -> set[str]:
    """What `#...` may follow a link to a page: its headings, as the usual viewers name them."""
    headings = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading) for heading in _HEADING.findall(prose(text)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
