"""The command line as the real programs read it: unknown options, missing values and --help all end with status 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One option by its long name; `value` names what follows it, or is empty for a switch."""

    name: str
    help: str
    value: str = ""
    short: str = ""


class OptionsError(Exception):
    """The program ends with status 1; the text is for the person."""


def usage(program: str, purpose: str, options: Sequence[Option]) -> str:
    """The help page."""
    lines = [f"{program}: {purpose}", "", "Options:"]
    for option in options:
        names = f"-{option.short}, --{option.name}" if option.short else f"--{option.name}"
        lines.append(f"  {names} {option.value}".ljust(34) + option.help)
    return "\n".join(lines)


def parse(arguments: Sequence[str], options: Sequence[Option]) -> Mapping[str, str]:
    """Values by long name, switches with an empty value; OptionsError for whatever else stands there."""
    known = {f"--{option.name}": option for option in options}
    known |= {f"-{option.short}": option for option in options if option.short}
    found: dict[str, str] = {}
    words = list(arguments)
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name not in known:
            raise OptionsError(f"Unknown option: {name}")
        option = known[name]
        if not option.value:
            if equals:
                raise OptionsError(f"Option {name} takes no value")
        elif not equals:
            if not words:
                raise OptionsError(f"Option {name} needs a value: {option.value}")
            value = words.pop(0)
        found[option.name] = value
    return found
