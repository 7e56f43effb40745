"""The logbook: entries with tags and attachments, found and written. What somebody typed stays text everywhere."""

import logging
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from trackerdcs.app.desk import Desk
from trackerdcs.domain import desk_answers as said
from trackerdcs.domain import logbook as rules
from trackerdcs.domain.access import ANYWHERE, SITE, Account, may, why_not
from trackerdcs.domain.instrument import Role
from trackerdcs.domain.logbook import Entry, EntryQuery
from trackerdcs.web.answers import TYPES, Fault, Reader, answer, found, may_read, person, wanted
from trackerdcs.web.asked import After, Form, Limit, Name, Since, Until, checked, cursor, link, paged, window
from trackerdcs.web.desk_examples import documented, sent, written
from trackerdcs.web.parts import Parts

FIELDS = frozenset({"text", "tags", "stand", "run", "refers", "id"})
MULTIPART, FORM = "multipart/form-data", "application/x-www-form-urlencoded"
LONGEST_FIELD = 4 * rules.LONGEST + 1024
"""Bytes of a field: characters have at most four."""
log = logging.getLogger(__name__)
WRITER: Role = "shifter"
ALONE = {"Content-Security-Policy": "sandbox; default-src 'none'", "Cross-Origin-Resource-Policy": "same-origin"}


def routes(parts: Parts, desk: Desk) -> APIRouter:
    """/api/logbook and below."""
    router = APIRouter(tags=["desk"])
    Who = Annotated[Reader, Depends(may_read(parts))]

    @router.get("/api/logbook", **documented("logbook"))
    async def logbook(
        request: Request,
        reader: Who,
        stand: Name = None,
        author: Name = None,
        tag: Name = None,
        run: Name = None,
        id: Name = None,
        text: Annotated[str | None, Query(max_length=200, description="Anywhere in the text.")] = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        after: After = None,
        format: Form = None,
    ) -> Response:
        """Entries, the newest first."""
        place = cursor(after, 1)
        behind = None if place is None else (place[0], place[1][0])
        query = EntryQuery(id, reader.only(stand), author, tag, run, text or None, *window(since, until), behind, limit)
        page, last = await found(desk.entries(query))
        more = paged(request, last)
        return await answer(
            parts,
            wanted(request, format),
            "logbook",
            lambda: {"entries": [said.entry_answer(each) for each in page], "next": more},
            lambda: said.entries_table(page),
            **link(more),
        )

    @router.post("/api/logbook", **written())
    async def write_entry(request: Request) -> Response:
        """Write an entry, as the person who is logged in. It is never changed: correct it by one that `refers`."""
        account = await _writer(request, parts)
        try:
            draft, files = await _read(request, account.name)
            node = draft.stand or SITE
            if not may(account, WRITER, node):
                raise Fault(403, f"writing into the logbook: {why_not(account, WRITER, node)}")
            entry, new = await found(desk.write(draft, files, account.stands))
        except Fault as e:
            log.warning("entry of %s not written: %s", account.name, e)
            raise
        log.info("%s has written entry %s", account.name, entry.id)
        return Response(parts.encode(said.entry_answer(entry)), 201 if new else 200, media_type=TYPES["json"])

    @router.get("/api/logbook/{id}/attachments/{n}", **sent())
    async def attachment(reader: Who, id: str, n: int) -> Response:
        """An attachment, always to be saved; pictures may be shown in a page of this site."""
        entry, content = await found(desk.attachment(id, n))
        reader.needs(entry.stand or SITE)
        name, kind = entry.attachments[n].name, entry.attachments[n].type
        plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
        names = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
        return Response(content, media_type=kind, headers=ALONE | {"Content-Disposition": names})

    return router


async def _writer(request: Request, parts: Parts) -> Account:
    account = await person(parts)(request)
    if not may(account, WRITER, ANYWHERE):  # for which stand is in the form
        raise Fault(403, f"writing into the logbook: {why_not(account, WRITER, ANYWHERE)}")
    return account


async def _read(request: Request, author: str) -> tuple[Entry, list[tuple[str, bytes]]]:
    form = await _form(request)
    try:
        draft, files = _draft(form, author), await _files(form)
    finally:
        await form.close()
    checked(rules.attached, files)  # before anything is looked up
    return draft, files


async def _form(request: Request) -> FormData:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in (MULTIPART, FORM):
        raise Fault(415, f"expected a form: {MULTIPART}")
    try:
        return await request.form(max_files=rules.MOST_FILES, max_fields=len(FIELDS), max_part_size=LONGEST_FIELD)
    except HTTPException as e:
        text = str(e.detail)
        status = 413 if "exceeded maximum size" in text or text.startswith("Too many files") else 422
        raise Fault(status, f"the form cannot be taken: {text}") from e


def _draft(form: FormData, author: str) -> Entry:
    given: dict[str, str] = {}
    for name, value in form.multi_items():
        if name == "file" and (isinstance(value, UploadFile) or value == ""):
            continue
        if name not in FIELDS or not isinstance(value, str):
            raise Fault(422, f"{name[:60]!r}: expected text, tags, stand, run, refers, id, and files as `file`")
        if name in given:
            raise Fault(422, f"{name}: it is there twice")
        given[name] = value.strip() if name != "text" else value
    return Entry(
        checked(rules.checked_id, given["id"], "id") if given.get("id") else "",
        0,
        author,
        checked(rules.checked_text, given.get("text", "")),
        checked(rules.checked_tags, given.get("tags", "")),
        checked(rules.checked_stand, given.get("stand", "")),
        checked(rules.checked_run, given.get("run", "")),
        checked(rules.checked_id, given["refers"], "refers") if given.get("refers") else None,
    )


async def _files(form: FormData) -> list[tuple[str, bytes]]:
    found, total = [], 0
    for file in form.getlist("file"):
        if not isinstance(file, UploadFile) or not (file.filename or file.size):  # a browser sends an empty one
            continue
        name = rules.plain_file_name(file.filename or "")
        total += file.size or 0
        if (file.size or 0) > rules.LARGEST_FILE:
            raise Fault(413, f"file: {name!r} has more than {rules.LARGEST_FILE} bytes")
        if total > rules.LARGEST:
            raise Fault(413, f"file: more than {rules.LARGEST} bytes together")
        found.append((name, await file.read()))
    return found
