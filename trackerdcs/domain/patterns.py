"""Patterns of foreign topics: MQTT levels with `+`, `#` and captures as `{sensor}`, and texts made of captures."""

import re
from dataclasses import dataclass

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.topics import ADDRESSES, matches

OURS = "dcs"
LONGEST = 65_535
_CAPTURE = re.compile(r"\{([^{}]*)\}")
_CAPTURED = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class Pattern:
    """A topic pattern: its MQTT filter, and the name that each captured level has."""

    filter: str
    names: dict[int, str]

    def captures(self, topic: str) -> dict[str, str] | None:
        """The captured levels of a topic that this pattern takes, else None."""
        if not matches(self.filter, topic):
            return None
        levels = topic.split("/")
        return {name: levels[i] for i, name in self.names.items()}


def pattern_of(text: str) -> Pattern:
    """Take a pattern apart; raises ConfigError for what MQTT does not know and for topics of our own."""
    if not text or len(text.encode(errors="replace")) > LONGEST or not text.isprintable():
        raise ConfigError(f"expected a printable topic of 1 to {LONGEST} bytes")
    levels = text.split("/")
    names: dict[int, str] = {}
    for i, level in enumerate(levels):
        capture = _CAPTURE.fullmatch(level)
        if capture and not _CAPTURED.fullmatch(capture[1]):
            raise ConfigError(f"level {level}: a capture is named by a small letter, then at most 31 of a-z 0-9 _")
        if capture and capture[1] in names.values():
            raise ConfigError(f"level {level}: captured twice")
        if level == "#" and i + 1 < len(levels):
            raise ConfigError("level #: only the last one may be #")
        if not capture and level not in ("+", "#") and re.search(r"[+#{}]", level):
            raise ConfigError(f"level {level}: expected a plain text, +, # or {{name}}, each a whole level")
        if capture:
            names[i] = capture[1]
    pattern = Pattern("/".join("+" if i in names else level for i, level in enumerate(levels)), names)
    if not is_foreign(text):
        raise ConfigError(f"topics that begin with $ or {OURS}/ are the broker's and ours")
    if taken := next((address for address in ADDRESSES.values() if matches(pattern.filter, address)), None):
        raise ConfigError(f"takes our own {taken} too: write out its first level")
    return pattern


def is_foreign(topic: str) -> bool:
    """False for topics of the broker and of the contract, which no mapping reads."""
    return not topic.startswith("$") and topic.split("/", 1)[0] != OURS


def covers(one: Pattern, other: Pattern) -> bool:
    """True if the first pattern takes every topic that the second one would."""
    if not matches(one.filter, other.filter):
        return False
    level_above, _, last = other.filter.rpartition("/")  # a/# takes a, too
    return last != "#" or (one.filter.split("/")[-1] == "#" and matches(one.filter, level_above))


def unknown_captures(text: str, pattern: Pattern) -> list[str]:
    """Names in braces that no level of the pattern has."""
    return [name for name in _CAPTURE.findall(text) if name not in pattern.names.values()]


def filled(text: str, captures: dict[str, str]) -> str:
    """A text with its `{name}` replaced by what was captured."""
    return _CAPTURE.sub(lambda m: captures[m[1]], text)
