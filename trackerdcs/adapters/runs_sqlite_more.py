"""What a SQLite file of runs keeps beside them: modules on channels, commands, the quarantine, the logbook."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from trackerdcs.adapters.sqlite_file import SqliteFile
from trackerdcs.domain.logbook import Entry, EntryQuery, folded
from trackerdcs.domain.plain import plain, rebuilt
from trackerdcs.domain.run_links import Binding, BindingQuery, CommandQuery, Quarantined, StoredCommand, joined

BINDING = "stand, device, channel, module, start, stop"


class SqliteLinks:
    """The part of the store that is not about single runs."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def put_binding(self, binding: Binding) -> None:
        """Among what is known of the channel."""
        channel = (binding.stand, binding.device, binding.channel)
        with self._writing() as db:
            where = "WHERE stand = ? AND device = ? AND channel = ?"
            known = [Binding(*row) for row in db.execute(f"SELECT {BINDING} FROM binding {where}", channel)]
            db.execute(f"DELETE FROM binding {where}", channel)
            rows = [(b.stand, b.device, b.channel, b.module, b.start, b.stop) for b in joined(known, binding)]
            db.executemany(f"INSERT INTO binding ({BINDING}) VALUES (?, ?, ?, ?, ?, ?)", rows)

    def bindings(self, query: BindingQuery) -> list[Binding]:
        """By channel, then by time."""
        with self._file.transaction() as db:
            rows = db.execute(f"SELECT {BINDING} FROM binding ORDER BY stand, device, channel, start").fetchall()
        return [binding for row in rows if query.takes(binding := Binding(*row))]

    def put_command(self, command: StoredCommand) -> None:
        """Instead of the one with its key."""
        body = json.dumps(plain(command), ensure_ascii=False)
        with self._writing() as db:
            db.execute("REPLACE INTO command VALUES (?, ?, ?, ?, ?, ?)", (*command.key, command.ts, body))

    def commands(self, query: CommandQuery) -> list[StoredCommand]:
        """By time."""
        wanted = {n: v for n in ("stand", "device", "user", "id") if (v := getattr(query, n)) is not None}
        where = ["1", *(f"{name} = ?" for name in wanted)]
        values: list[object] = list(wanted.values())
        more = {"ts >= ?": query.since, "ts < ?": query.until, "json_extract(body, '$.cmd') = ?": query.cmd}
        for text, value in more.items():
            if value is not None:
                where.append(text)
                values.append(value)
        if query.who is not None:
            where.append("? IN (user, json_extract(body, '$.by'))")
            values.append(query.who)
        if query.before is not None:
            where.append("(ts, stand, device, user, id) < (?, ?, ?, ?, ?)")
            values += query.before
        order = "ts DESC, stand DESC, device DESC, user DESC, id DESC"
        sql = f"SELECT body FROM command WHERE {' AND '.join(where)} ORDER BY {order}"
        with self._file.transaction() as db:
            rows = db.execute(f"{sql} LIMIT ?", (*values, query.limit)).fetchall()
        return [rebuilt(StoredCommand, json.loads(body)) for (body,) in rows[::-1]]

    def put_quarantined(self, folder: Quarantined) -> None:
        """Instead of the one with its id; since when it is there stays."""
        with self._writing() as db:
            old = db.execute("SELECT since FROM quarantined WHERE id = ?", (folder.id,)).fetchone()
            kept = replace(folder, since=old[0]) if old else folder
            db.execute("REPLACE INTO quarantined VALUES (?, ?, ?)", (kept.id, kept.since, json.dumps(plain(kept))))

    def quarantined(self) -> list[Quarantined]:
        """By the time since when they are there."""
        with self._file.transaction() as db:
            rows = db.execute("SELECT body FROM quarantined ORDER BY since, id").fetchall()
        return [rebuilt(Quarantined, json.loads(body)) for (body,) in rows]

    def release(self, quarantined: str) -> None:
        """Nothing is said when it was not there."""
        with self._writing() as db:
            db.execute("DELETE FROM quarantined WHERE id = ?", (quarantined,))

    def put_entry(self, entry: Entry, contents: Sequence[bytes] = ()) -> bool:
        """False where its id is taken."""
        body = json.dumps(plain(entry), ensure_ascii=False)
        with self._writing() as db:
            row = (entry.id, entry.ts, entry.stand, entry.author, entry.run, folded(entry.text), body)
            if not db.execute("INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", row).rowcount:
                return False
            db.executemany("INSERT INTO entry_tag VALUES (?, ?)", [(tag, entry.id) for tag in entry.tags])
            rows = [(entry.id, n, content) for n, content in enumerate(contents)]
            db.executemany("INSERT INTO attachment VALUES (?, ?, ?)", rows)
            return True

    def entries(self, query: EntryQuery) -> list[Entry]:
        """The newest first."""
        wanted = {f"{n} = ?": getattr(query, n) for n in ("id", "stand", "author", "run")}
        wanted |= {"ts >= ?": query.since, "ts < ?": query.until}
        wanted["id IN (SELECT entry FROM entry_tag WHERE tag = ?)"] = query.tag
        wanted["instr(folded, ?)"] = None if query.text is None else folded(query.text)
        asked = {text: value for text, value in wanted.items() if value is not None}
        where, values = ["1", *asked], [*asked.values()]
        if query.after is not None:
            where.append("(ts, id) < (?, ?)")
            values += query.after
        sql = f"SELECT body FROM entry WHERE {' AND '.join(where)} ORDER BY ts DESC, id DESC LIMIT ?"
        with self._file.transaction() as db:
            rows = db.execute(sql, (*values, query.limit)).fetchall()
        return [rebuilt(Entry, json.loads(body)) for (body,) in rows]

    def attachment(self, entry: str, n: int) -> bytes | None:
        """None where there is none."""
        with self._file.transaction() as db:
            row = db.execute("SELECT data FROM attachment WHERE entry = ? AND n = ?", (entry, n)).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Close the file; nothing is waiting to be written."""
        self._file.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes from its beginning: one that read first could not go on beside another writer."""
        with self._file.transaction() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
