"""`trackerdcs check`: are these files free of faults?"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.domain.errors import ConfigError

if TYPE_CHECKING:
    from trackerdcs.domain.stand import Stand
    from trackerdcs.settings import StandFile


def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Stand and mapping files (YAML).", show_default=False)
    ],
) -> None:
    """Check stand and mapping files: spelling, contradictions, drivers, limits of the instruments. Connects to nothing.

    Prints a line for each good file, and FILE:LINE: FIELD: REASON for each fault; exits with 78 if there is one.
    """
    bad = False
    for path in files:
        try:
            good = described(path)
        except ConfigError as e:
            bad = True
            typer.echo(str(e), err=True)
        else:
            typer.echo(f"{path}: OK, {good}")
    if bad:
        raise typer.Exit(os.EX_CONFIG)


def described(path: Path) -> str:
    """What a file that is free of faults describes; ConfigError lists those of one that is not."""
    from trackerdcs.domain.mapping import Mapping
    from trackerdcs.settings import read_file

    file = read_file(path)
    if isinstance(file, Mapping):
        return f"mapping of {', '.join(file.topics)}"
    stand = _without_faults(file)
    return f"stand {stand.stand} with {', '.join(stand.devices)}"


def checked(path: Path) -> "Stand":
    """The stand of a file that is free of faults; ConfigError lists those of one that is not."""
    from trackerdcs.settings import read_stand

    return _without_faults(read_stand(path))


def _without_faults(file: "StandFile") -> "Stand":
    file.refuse(faults_of(file))
    return file.stand


def faults_of(file: "StandFile") -> list[tuple[str, str]]:
    """What is wrong with a stand in the eyes of its drivers, as (field, why)."""
    from trackerdcs.domain.alarm_tree import alarm_misfits, tree_of
    from trackerdcs.domain.limits import excesses, slow_link, unbearable
    from trackerdcs.domain.modules import Modules
    from trackerdcs.domain.wiring import misfits
    from trackerdcs.drivers.registry import tables_of, wire_of, wired

    faults, modules = [], Modules(file.stand.module_types, file.stand.modules)
    for name, device in file.stand.devices.items():
        try:
            driver = tables_of(device.driver)
        except ConfigError as e:
            faults.append((f"devices.{name}.driver", str(e)))
            continue
        found = excesses(driver.channels(), device) + slow_link(driver.kind, device, wire_of(device))
        found += unbearable(driver.kind, device, modules)
        faults += [(f"devices.{name}.{field}", why) for field, why in found]
    if faults:
        return faults
    stand, devices = file.stand, wired(file.stand)
    tree = tree_of(devices, stand.interlocks, stand.calibrations)
    return [*misfits(stand.interlocks, devices), *alarm_misfits(stand.alarms, tree)]
