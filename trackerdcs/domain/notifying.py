"""Decides who is told of an alarm, and when: raised, not acknowledged, over. Nothing here waits or sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trackerdcs.domain.messages import Alarm, Severity
from trackerdcs.domain.notice import SEVERITIES, News, Notice
from trackerdcs.domain.notify import SHIFT, NotifyConfig, PersonConfig

GRACE = 15.0
"""Seconds after a start in which an alarm that is known from before waits for what the broker says of it now."""
LATEST = 2**63 - 1
"""ns: what a local store can hold."""


@dataclass(frozen=True)
class Episode:
    """An alarm from when it was raised until it is over, as far as people are told. Times in ns UTC.

    `raised` is its identity, `begun` when it was heard of, `steps` how many of the escalation are done, `told` who was,
    `reached` that a step of this one had somebody. A `quiet` one is acknowledged, shelved or suppressed. The last one
    of each alarm is kept, `over` or not.
    """

    alarm: str
    raised: int
    begun: int
    severity: Severity
    of: str = ""
    value: str = ""
    why: str = ""
    guidance: str = ""
    steps: int = 0
    told: tuple[str, ...] = ()
    reached: bool = False
    quiet: bool = False
    over: bool = False


def _episode(name: str, alarm: Alarm, raised: int, utc: int) -> Episode:
    value = "" if alarm.value is None else f"{alarm.value}"
    return Episode(name, raised, utc, alarm.severity, alarm.of, value, alarm.why or "", alarm.guidance)


class Notifying:
    """One stand's policy. What `hear` and `tick` decide, `take` hands over."""

    def __init__(self, config: NotifyConfig, shift: Sequence[str] | None = None) -> None:
        self._config = config
        self.shift = tuple(config.shift if shift is None else [p for p in shift if p in config.people])
        self.untold: set[str] = set()
        """Critical alarms that are not over and that nobody was told of: no step has anybody for them."""
        self._episodes: dict[str, Episode] = {}
        self._open: set[str] = set()
        self._began: dict[str, float] = {}
        self._unheard: dict[str, float] = {}
        self._changed: dict[str, Episode] = {}
        self._notices: list[Notice] = []

    @property
    def fault(self) -> str | None:
        """What keeps people from being told, that somebody has to do something about."""
        needs = any(SHIFT in step.to for step in self._config.escalation)
        faults = ["nobody is on shift"] if needs and not self.shift else []
        if self.untold:
            some = ", ".join(sorted(self.untold)[:3])
            faults.append(
                f"nobody was told of {len(self.untold)} critical alarms ({some}): no step has anybody for them"
            )
        return "; ".join(faults) or None

    @property
    def has_news(self) -> bool:
        """Is there something to take?"""
        return bool(self._changed or self._notices)

    def raised_of(self, name: str) -> int | None:
        """When an alarm that is not over was raised, as far as is known; None for any other."""
        return self._episodes[name].raised if name in self._open else None

    def recall(self, episodes: Sequence[Episode], now: float, utc: int) -> None:
        """Go on with what an earlier start knew; what it was about to do waits for the present state."""
        for episode in episodes:
            if not episode.reached:  # somebody may be there for it now
                episode = replace(episode, steps=0)
            self._episodes[episode.alarm] = episode
            self._began[episode.alarm] = now - max(0.0, (utc - episode.begun) / 1e9)
            if not episode.over:
                self._open.add(episode.alarm)
                self._unheard[episode.alarm] = now + GRACE

    def hear(self, name: str, alarm: Alarm | None, now: float, utc: int) -> None:
        """Take note of what an alarm is now, None if there is no such alarm any more; the same again is harmless."""
        self._unheard.pop(name, None)
        known = self._episodes.get(name)
        if alarm is None:
            self._end(name, utc, "there is no such alarm any more")
            return
        raised = alarm.since if alarm.raised is None else alarm.raised
        raised = raised if 0 <= raised <= LATEST else 0
        same = known is not None and known.raised == raised
        match alarm.state:
            case "raised":
                graver = same and known is not None and _rank(alarm.severity) > _rank(known.severity)
                if known is None or not same or graver or known.over:
                    self._begin(name, _episode(name, alarm, raised, utc), now)
                elif known.quiet:
                    self._keep(replace(known, quiet=False))
                self._advance(name, now)
            case "acknowledged":
                if known is None or not same or known.over:
                    self._begin(name, replace(_episode(name, alarm, raised, utc), quiet=True), now)
                elif not known.quiet:
                    self._keep(replace(known, quiet=True))
            case "cleared":
                if known is None or not same:  # it came and went unheard, and nobody has acknowledged it
                    self._begin(name, _episode(name, alarm, raised, utc), now)
                    self._advance(name, now)
                self._end(name, alarm.since, alarm.why or "")
            case "normal":
                self._end(name, alarm.since, alarm.why or "")
            case "shelved" | "suppressed":
                if known is not None and not known.quiet and not known.over:
                    self._keep(replace(known, quiet=True))
            case "not_evaluated":  # it may still be there: nothing is over, and nobody is kept from being told
                pass

    def tick(self, now: float) -> None:
        """Tell whom time has made due."""
        for name in list(self._open):
            if now >= self._unheard.get(name, now):
                self._advance(name, now)

    def change_shift(self, people: Sequence[str], now: float) -> None:
        """Others are on shift; what nobody could be told of yet is told to them."""
        self.shift = tuple(people)
        for name in list(self._open):
            if not self._episodes[name].reached:
                self._keep(replace(self._episodes[name], steps=0))
                self.untold.discard(name)
                self._advance(name, now)

    def take(self) -> tuple[Mapping[str, Episode], Sequence[Notice]]:
        """What has changed, and what is to be sent, since the last call."""
        taken = self._changed, self._notices
        self._changed, self._notices = {}, []
        return taken

    def _begin(self, name: str, episode: Episode, now: float) -> None:
        known = self._episodes.get(name)
        if known is not None and not known.over:  # whoever knows of the one before hears of the end of this one
            episode = replace(episode, told=known.told)
        self._began[name] = now
        self._keep(episode)

    def _advance(self, name: str, now: float) -> None:
        """Do the steps that are due. A step that has nobody for this alarm makes nobody wait: the next one follows."""
        episode, steps = self._episodes[name], self._config.escalation
        last = 1 if episode.severity == "info" else len(steps)  # information is told once: nobody acknowledges it
        if episode.quiet or episode.over or episode.steps >= last:
            return
        age, before = now - self._began[name], episode
        while episode.steps < last:
            step = steps[episode.steps]
            if age < step.after and (episode.steps == 0 or episode.reached):
                break
            people = self._people(step.to, episode)
            self._tell(people, "raised", episode, episode.begun)
            told = tuple(dict.fromkeys((*episode.told, *people)))
            reached = episode.reached or bool(people)
            episode = replace(episode, steps=episode.steps + 1, told=told, reached=reached)
        if episode is not before:
            self._keep(episode)
        if episode.severity == "critical" and episode.steps == last and not episode.reached:
            self.untold.add(name)

    def _people(self, to: Sequence[str], episode: Episode) -> list[str]:
        names = dict.fromkeys(each for name in to for each in (self.shift if name == SHIFT else (name,)))
        return [name for name in names if concerns(self._config.people[name], episode.of, episode.severity)]

    def _tell(self, people: Sequence[str], news: News, episode: Episode, at: int) -> None:
        known = [self._config.people[name] for name in people if name in self._config.people]
        for address in dict.fromkeys(address for person in known for address in person.addresses):
            e = episode
            self._notices.append(
                Notice(address, e.alarm, e.raised, news, e.steps, e.severity, at, e.of, e.value, e.why, e.guidance)
            )

    def _end(self, name: str, at: int, why: str) -> None:
        """Say that it is over to exactly those who were told."""
        episode = self._episodes.get(name)
        if episode is None or episode.over:
            return
        self._tell(episode.told, "over", replace(episode, why=why), at)
        self._keep(replace(episode, over=True))

    def _keep(self, episode: Episode) -> None:
        self._episodes[episode.alarm] = self._changed[episode.alarm] = episode
        if episode.over or episode.quiet:
            self.untold.discard(episode.alarm)
        if episode.over:
            self._open.discard(episode.alarm)
        else:
            self._open.add(episode.alarm)


def concerns(person: PersonConfig, of: str, severity: Severity) -> bool:
    """Is this person to be told of an alarm of the node `of`? Who sits on a node hears of all below it."""
    at = not person.at or any(of == node or of.startswith(f"{node}.") for node in person.at)
    return at and _rank(severity) >= _rank(person.least)


def _rank(severity: Severity) -> int:
    return SEVERITIES.index(severity)
