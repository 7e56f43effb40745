"""The logbook: what people write down. Entries are never changed: a correction is a new one that refers."""

import re
from dataclasses import dataclass

from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.topics import NAME, RUN, checked

LONGEST = 10_000
"""Characters of an entry."""
MOST_TAGS = 10
MOST_FILES = 4
LARGEST_FILE = 4 * 1024 * 1024
LARGEST = 8 * 1024 * 1024
"""Bytes of all attachments of an entry."""
ID = re.compile(r"[0-9a-f]{32}")
OCTETS = "application/octet-stream"
PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""How contents begin that a browser may show; all else is only ever saved."""
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Attachment:
    """What is known of a file beside its content; `name` is for people and never a path, `size` in bytes."""

    name: str
    type: str
    size: int


@dataclass(frozen=True)
class Entry:
    """One entry: `ts` in ns UTC by the server's clock, `refers` the entry that it corrects or goes on with."""

    id: str
    ts: int
    author: str
    text: str
    tags: tuple[str, ...] = ()
    stand: str | None = None
    run: str | None = None
    refers: str | None = None
    attachments: tuple[Attachment, ...] = ()


Cursor = tuple[int, str]
"""Time and id of the last entry of a page."""


@dataclass(frozen=True)
class EntryQuery:
    """Which entries; what is None does not matter. `text`: anywhere in it, small and large letters are the same;
    [since, until) in ns UTC. The newest first, at most `limit`, those behind `after`."""

    id: str | None = None
    stand: str | None = None
    author: str | None = None
    tag: str | None = None
    run: str | None = None
    text: str | None = None
    since: int | None = None
    until: int | None = None
    after: Cursor | None = None
    limit: int = 100

    def takes(self, entry: Entry) -> bool:
        """Whether an entry is meant."""
        names = ("id", "stand", "author", "run")
        meant = all(getattr(self, n) in (None, getattr(entry, n)) for n in names)
        tagged = self.tag is None or self.tag in entry.tags
        within = (self.since is None or entry.ts >= self.since) and (self.until is None or entry.ts < self.until)
        behind = self.after is None or (entry.ts, entry.id) < self.after
        return meant and tagged and within and behind and (self.text is None or folded(self.text) in folded(entry.text))


def folded(text: str) -> str:
    """As it is searched for."""
    return text.casefold()


def checked_text(text: str) -> str:
    """The text of an entry; ContractError where it is empty, too long, or has characters that cannot be seen."""
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise ContractError("text: it is empty")
    if len(text) > LONGEST:
        raise ContractError(f"text: {len(text)} characters, at most {LONGEST}: attach the rest as a file")
    if found := _UNSEEN.search(text):
        raise ContractError(f"text: the character {found[0]!r} cannot be seen")
    return text


def checked_tags(words: str) -> tuple[str, ...]:
    """Tags of a text with commas or spaces between them; ContractError names the one that is no name."""
    tags = tuple(dict.fromkeys(re.split(r"[,\s]+", words.strip()))) if words.strip() else ()
    tags = tuple(tag for tag in tags if tag)
    if len(tags) > MOST_TAGS:
        raise ContractError(f"tags: {len(tags)} of them, at most {MOST_TAGS}")
    for tag in tags:
        if not NAME.fullmatch(tag):
            raise ContractError(f"tags: {tag[:60]!r}: expected a small letter, then at most 31 of a-z 0-9 _ -")
    return tags


def checked_stand(name: str) -> str | None:
    """A stand, None where nothing is said."""
    return checked(name, "stand") if name else None


def checked_run(id: str) -> str | None:
    """The id of a run, None where nothing is said."""
    if id and not RUN.fullmatch(id):
        raise ContractError(f"run: {id[:60]!r}: expected the id of a run: at most 64 of A-Z a-z 0-9 _ -")
    return id or None


def checked_id(id: str, name: str) -> str:
    """The id of an entry."""
    if not ID.fullmatch(id):
        raise ContractError(f"{name}: {id[:60]!r}: expected the id of an entry, 32 hexadecimal digits")
    return id


def plain_file_name(name: str) -> str:
    """What a browser calls a file, without folders and without characters that cannot be seen; never used as a path."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in last if c.isprintable()).strip(". ")
    head, dot, ending = kept.rpartition(".")
    return f"{head[:80]}{dot}{ending[:15]}" if dot else kept[:80] or "file"


def type_of(content: bytes) -> str:
    """By how it begins, whatever somebody says that it is."""
    return next((kind for begin, kind in PICTURES.items() if content.startswith(begin)), OCTETS)


def attached(files: list[tuple[str, bytes]]) -> tuple[Attachment, ...]:
    """Names and contents as attachments; ContractError where they are too many or empty."""
    if len(files) > MOST_FILES:
        raise ContractError(f"file: {len(files)} of them, at most {MOST_FILES}")
    for name, content in files:
        if not content:
            raise ContractError(f"file: {plain_file_name(name)!r} is empty")
    return tuple(Attachment(plain_file_name(name), type_of(content), len(content)) for name, content in files)
