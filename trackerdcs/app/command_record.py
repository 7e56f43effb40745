"""The record of commands and kills in the store of runs: what each message of the bus changes of it."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from trackerdcs.domain import topics
from trackerdcs.domain.batch import Arrival
from trackerdcs.domain.codec import decode, load, plain
from trackerdcs.domain.desk import SHARED_CLIENTS
from trackerdcs.domain.errors import ContractError, StoreDown
from trackerdcs.domain.messages import FINAL, MESSAGES, Ack, Command, Event
from trackerdcs.domain.run_links import CommandQuery, StoredCommand
from trackerdcs.domain.topics import Topic
from trackerdcs.ports import Clock
from trackerdcs.ports_runs import RunStore

KILL = "kill"
"""The command, and in place of a device: a kill is for all of a stand."""
NOBODY = "-"
"""In place of the client, of a kill that did not come over the bus."""
NOT_HEARD = "?"
"""In place of the command, where only its answer was heard."""
KILLS = {"killed": "goes down", "kill_emergency": "switches off without a ramp", "kill_ended": "down"}
"""What owners say of a kill, as it is kept."""
REFUSED = "kill_refused"
SAME = 10 * 10**9
"""An owner's word that names no kill is about one that was given within so many ns."""
LATELY = 20
"""Kills that are looked at for it."""
LONGEST = 200


class CommandRecord:
    """Blocks; every message may come twice. Nothing is remembered here: a restart forgets nothing."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def take(self, arrival: Arrival) -> str | None:
        """Keep what a message says. Returns why not all of it could be kept; ContractError for one outside the
        contract. StoreDown, StoreFault: nothing can be kept now."""
        where = topics.parse(arrival.topic)
        if arrival.retained:
            return None  # said long ago: owners refuse it as a command, too
        told = self._told(where, arrival.payload)
        return None if told is None else self._put(told)

    def _told(self, where: Topic, payload: bytes) -> StoredCommand | None:
        if where.kind == KILL:
            return self._kill(where.stand, where.item or "", payload)
        match decode(MESSAGES[where.kind], payload):
            case Command() as command:
                return self._command(where.stand, where.device or "", where.item or "", command)
            case Ack() as ack:
                return self._answer(where.stand, where.device or "", ack)
            case Event(event=event) as said if event in KILLS or event == REFUSED:
                return self._killed(where.stand, where.device or "", said)
        return None

    def _put(self, command: StoredCommand) -> str | None:
        """A command that no store could take must not keep back all that come after it."""
        try:
            self._store.put_command(command)
        except StoreDown:
            raise
        except Exception as e:  # noqa: BLE001 whatever a client may write: a number or a text that no database knows
            bare = replace(
                command,
                id=_short(command.id),
                cmd=_short(command.cmd),
                channel=_short(command.channel),
                by=None if command.by is None else _short(command.by),
                why=None if command.why is None else _short(command.why),
                reason=_short(f"not kept: {e}"),
                args={},
                readback={},
            )
            self._store.put_command(bare)
            return f"{command.stand}/{command.device}: a command of {command.user} could not be kept whole: {e}"
        return None

    def _command(self, stand: str, device: str, user: str, said: Command) -> StoredCommand | None:
        ch, args = said.ch, dict(said.args)
        heard = StoredCommand(said.id, stand, device, user, said.cmd, said.ts, ch, args, said.by, said.reason)
        known = self._known(stand, device, said.id, user)
        if known is None:
            return heard
        if known.cmd != NOT_HEARD:
            return None
        names = ("state", "why", "readback", "answered")
        return replace(heard, by=known.by or heard.by, **{name: getattr(known, name) for name in names})

    def _answer(self, stand: str, device: str, ack: Ack) -> StoredCommand | None:
        known = self._known(stand, device, ack.id, ack.user)
        if known is None:
            known = StoredCommand(ack.id, stand, device, ack.user, NOT_HEARD, ack.ts)
        elif known.state in FINAL and ack.state not in FINAL:
            return None
        readback, by = dict(ack.readback), ack.by or known.by
        return replace(known, state=ack.state, why=ack.why, readback=readback, answered=ack.ts, by=by)

    def _kill(self, stand: str, user: str, payload: bytes) -> StoredCommand | None:
        """Whatever is sent there is one."""
        try:
            said = load(payload)
        except ContractError:
            said = {}
        id, by, reason = (
            said.get(name) if isinstance(said.get(name), str) else None for name in ("id", "by", "reason")
        )
        id = id if id and len(id) <= 64 else str(uuid.uuid4())
        by = plain(by)[:64] if by and user in SHARED_CLIENTS else None
        why = plain(reason)[:LONGEST].strip() if reason else ""
        if by is not None:  # those who speak for people say once more who it is
            why = why.removeprefix(by).removeprefix(":").strip()
        known = self._known(stand, KILL, id)
        if known is None:
            return StoredCommand(id, stand, KILL, user, KILL, self._clock.now(), by=by, reason=why or None)
        return None if known.user != NOBODY else replace(known, by=by or known.by, reason=why or known.reason)

    def _killed(self, stand: str, device: str, said: Event) -> StoredCommand | None:
        """What the owner of a high voltage says of a kill: it has no other answer."""
        who, _, why = plain((said.why or "").removeprefix("by ")).partition(": ")
        known = self._meant(stand, device, said, who)
        if known is None and said.event in ("killed", "kill_emergency"):  # by an interlock, or by hand at that computer
            id = str(said.data.get("id") or f"{said.boot}-{said.ts}")[:64]
            known = StoredCommand(id, stand, KILL, NOBODY, KILL, said.ts, by=who[:64] or None, reason=why or None)
        if known is None:
            return None
        told = KILLS.get(said.event) or f"refuses: {said.why or ''}"[:LONGEST]
        back = known.readback | {device: told}
        ended = all(each == KILLS["kill_ended"] for each in back.values())
        refused = all(str(each).startswith("refuses") for each in back.values())
        state = "done" if ended else "refused" if refused else "accepted"
        # One that waited with the broker is written later than its owners have obeyed it.
        return replace(known, readback=back, state=state, answered=said.ts, ts=min(known.ts, said.ts))

    def _meant(self, stand: str, device: str, said: Event, who: str) -> StoredCommand | None:
        id = said.data.get("id")
        if isinstance(id, str) and (known := self._known(stand, KILL, id[:64])) is not None:
            return known
        for kill in reversed(self._find(CommandQuery(stand, KILL, limit=LATELY))):
            mine = kill.readback.get(device)
            if said.event == "kill_ended":
                if mine in (KILLS["killed"], KILLS["kill_emergency"]):
                    return kill
            elif abs(kill.ts - said.ts) <= SAME and (who in (kill.user, kill.by) or said.event == REFUSED):
                return kill
        return None

    def _known(self, stand: str, device: str, id: str, user: str | None = None) -> StoredCommand | None:
        found = self._find(CommandQuery(stand, device, user, id=id, limit=1))
        return found[0] if found else None

    def _find(self, query: CommandQuery) -> Sequence[StoredCommand]:
        return self._store.commands(query)


def _short(text: str) -> str:
    """What any store takes."""
    return plain(text)[:LONGEST]
