"""What people may tell a bridge, and whether an order to start can be carried out: all of it is known before a byte of
the hardware is touched."""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trackerdcs.app.account import present_account
from trackerdcs.app.announcer import Who
from trackerdcs.app.run_scene import Scene
from trackerdcs.domain.desk import Args
from trackerdcs.domain.instrument import Argument, Channel, CommandSpec, Quantity
from trackerdcs.domain.ph2acf.failures import failure
from trackerdcs.domain.ph2acf.needs import findings
from trackerdcs.domain.ph2acf.setup import BridgeConfig, RecipeConfig
from trackerdcs.domain.ph2acf.xml import BadConfig, Config, parse_config
from trackerdcs.domain.run import Check, Failure, Run, RunModule
from trackerdcs.ports import Clock
from trackerdcs.ports_runs import Programs

SPACE = uuid.UUID("3f1b7a56-6f0e-5f55-8a35-0f6d0a4f6c11")
OWN = frozenset({"calibration", "config", "modules"})
Content = Callable[[str], bytes]
Settings = Callable[[bytes, dict[str, str]], bytes]


@dataclass(frozen=True)
class Order:
    """An order that was found good: the record that its run begins with, its configuration, its channels."""

    run: Run
    recipe: RecipeConfig
    content: bytes
    config: Config
    channels: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Refusal:
    """Why an order is not carried out; `run` is the record that says so, where it is worth one."""

    failure: Failure
    run: Run | None = None

    @property
    def text(self) -> str:
        return f"{self.failure.code}: {self.failure.text}"


def commands(bridge: BridgeConfig, configs: Sequence[str] = ()) -> dict[str, CommandSpec]:
    """Every argument of any calibration may be given; whether it is one of this one is said when it is. `configs`:
    names of configurations that are there."""
    args = {
        "calibration": Argument("text", choices=list(bridge.calibrations)),
        "config": Argument("text", high=200, choices=list(configs) or None),
    }
    args["modules"] = Argument("text", high=400, optional=True)
    for recipe in bridge.calibrations.values():
        for name, argument in recipe.arguments.items():
            old = args.get(name)
            low, high = argument.low, argument.high
            if old is not None:
                low, high = min(low, old.low or low), max(high, old.high or high)
            args[name] = Argument("number", "", low, high, optional=True)
    return {"start_calibration": CommandSpec(args, reason=True), "abort": CommandSpec()}


def channels_of(bridge: BridgeConfig, configs: Sequence[str] = ()) -> dict[str, Channel]:
    """The bridge as its meta shows it."""
    numbers = {
        "progress": Quantity("%", 0, 100),
        "done": Quantity("1"),
        "stages": Quantity("1"),
        "left": Quantity("s"),
        "warnings": Quantity("1"),
        "errors": Quantity("1"),
    }
    return {
        "-": Channel({"state": Quantity(""), **numbers}, commands(bridge, configs), "Ph2_ACF"),
        "stage": Channel({"state": Quantity("")}, label="stage that runs"),
    }


class Orders:
    """Judges orders. `content(name)` reads a configuration, `settings(content, values)` changes it."""

    def __init__(
        self,
        who: Who,
        bridge: BridgeConfig,
        scene: Scene,
        programs: Programs,
        content: Content,
        settings: Settings,
        host: str,
        clock: Clock,
    ) -> None:
        self._who, self._bridge, self._scene, self._programs = who, bridge, scene, programs
        self._content, self._settings, self._host, self._clock = content, settings, host, clock

    def judge(self, args: Args) -> Order | Refusal:
        """Can it be carried out now?"""
        name = str(args["calibration"])
        recipe = self._bridge.calibrations.get(name)
        if recipe is None:
            known = ", ".join(self._bridge.calibrations)
            return Refusal(Failure("bad_calibration", f"{name!r} is not allowed here, expected {known}"))
        values: dict[str, str] = {}
        for key in args.keys() - OWN:
            if (why := _odd(recipe, key, float(args[key]))) is not None:
                return Refusal(Failure("bad_argument", why))
            argument = recipe.arguments[key]
            values[argument.setting] = f"{args[key]:.0f}" if argument.whole else f"{args[key]:g}"
        program = self._bridge.program(recipe.program)
        if why := self._programs.missing(program):
            return Refusal(failure("program_missing", more=why))
        file = str(args["config"])
        try:
            content = self._settings(self._content(file), values)
            config = parse_config(content)
        except BadConfig as e:
            return Refusal(e.failure)
        named = self._modules(str(args.get("modules", "")), config)
        if isinstance(named, Failure):
            return Refusal(named)
        channels = self._scene.channels(named)
        run = self._record(name, recipe, file, content, config, named, channels)
        if failed := [check for check in run.checks if not check.ok]:
            reasons = "; ".join(f"{check.name}: {check.why}" for check in failed)
            return Refusal(failure("no_go", more=reasons), run)
        return Order(run, recipe, content, config, tuple(channels))

    def _modules(self, text: str, config: Config) -> tuple[str, ...] | Failure:
        bound = self._scene.modules()
        wanted = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip())) or bound
        for name in wanted:
            if name not in bound:
                return failure("no_module", more=f"{name}; bound are {', '.join(bound) or 'none'}")
        if len(wanted) > len(config.modules):
            return failure("too_few_modules", more=f"{len(config.modules)}, not {len(wanted)}: {', '.join(wanted)}")
        return wanted

    def _record(
        self,
        name: str,
        recipe: RecipeConfig,
        file: str,
        content: bytes,
        config: Config,
        modules: tuple[str, ...],
        channels: list[tuple[str, str]],
    ) -> Run:
        account, who = present_account(), self._who
        found = []
        for i, each in enumerate(config.modules):
            module = modules[i] if i < len(modules) else ""
            fed = [f"{who.stand}/{d}/{ch}" for d, ch in channels if self._scene.module(d, ch) == module and module]
            found.append(RunModule(module, "", each.board, each.optical_group, each.hybrids, tuple(fed)))
        return Run(
            uuid.uuid5(SPACE, f"{who.stand}/{who.device}/{account.user}/{account.id}").hex,
            "queued",
            calibration=name,
            tracker=config.tracker,
            flavour=config.flavour,
            sim=self._bridge.sim,
            stand=who.stand,
            device=who.device,
            requested_by=account.person,
            why=account.reason,
            requested=self._clock.now(),
            host=self._host,
            config=file,
            config_sha256=hashlib.sha256(content).hexdigest(),
            settings=dict(config.settings),
            modules=tuple(found),
            checks=self.checks(recipe, channels),
            commands=(account.id,) if account.id else (),
            versions={"bridge": who.sw},
        )

    def checks(self, recipe: RecipeConfig, channels: list[tuple[str, str]]) -> tuple[Check, ...]:
        """GO and NO-GO with each reason, as it is now."""
        scene, now = self._scene, self._clock.monotonic()
        found = findings(self._bridge, recipe, channels, scene.kinds, scene.read, scene.seen, scene.interlock, now)
        return tuple(each.check for each in found)


def _odd(recipe: RecipeConfig, name: str, value: float) -> str | None:
    """Why a number cannot be this argument of this calibration."""
    argument = recipe.arguments.get(name)
    if argument is None:
        return f"{name} is no argument of this calibration, expected {', '.join(recipe.arguments) or 'none'}"
    if not argument.low <= value <= argument.high:
        return f"{name}: {value:g} is outside {argument.low:g} to {argument.high:g}"
    return f"{name}: expected a whole number, got {value:g}" if argument.whole and value != int(value) else None
