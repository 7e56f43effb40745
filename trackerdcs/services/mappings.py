"""Makes a reader of foreign topics from a mapping file."""

from pathlib import Path

from trackerdcs.adapters.json_msgspec import flat, loads
from trackerdcs.domain.translator import Translator
from trackerdcs.settings import load_mapping


def open_mapping(path: Path) -> Translator:
    """ConfigError names file, line and field of each fault."""
    return Translator(load_mapping(path), loads, flat)
