"""The folder from which a bridge takes configurations of Ph2_ACF: nothing outside of it, whatever the name says."""

import os
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath

from trackerdcs.domain.ph2acf.xml import LARGEST, BadConfig


def config_content(folder: Path, name: str) -> bytes:
    """The content of a file of the folder, by its path in it; BadConfig names what is wrong."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise BadConfig("config_outside", name)
    try:
        whole = (folder / path).resolve(strict=True)
        if not whole.is_relative_to(folder.resolve(strict=True)):
            raise BadConfig("config_outside", name)
        if not whole.is_file():
            raise BadConfig("config_unknown", name)
        # Not by name again: what is read is what was looked at, links changed meanwhile or not.
        with os.fdopen(os.open(whole, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            return file.read(LARGEST + 1)
    except FileNotFoundError as e:
        raise BadConfig("config_unknown", name) from e
    except OSError as e:
        raise BadConfig("config_unreadable", f"{name}: {e.strerror}") from e


def config_names(folder: Path, most: int = 100) -> list[str]:
    """The configurations that lie in the folder itself, to choose from; none where it cannot be read."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix == ".xml" and path.is_file())[:most]
    except OSError:
        return []


def with_settings(content: bytes, settings: Mapping[str, str]) -> bytes:
    """A configuration with other values of these settings, comments kept; BadConfig where it has no such setting."""
    if not settings:
        return content
    tree = ET.parse(BytesIO(content), ET.XMLParser(target=ET.TreeBuilder(insert_comments=True)))
    for name, value in settings.items():
        found = [each for each in tree.iter("Setting") if each.get("name") == name]
        held = [each for each in tree.iter("Settings") if name in each.attrib]
        if not found and not held:
            raise BadConfig("no_setting", name)
        for each in found:
            each.text = value
        for each in held:
            each.set(name, value)
    out = BytesIO()
    tree.write(out, encoding="utf-8", xml_declaration=True)
    return out.getvalue()
