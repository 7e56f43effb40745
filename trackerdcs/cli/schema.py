"""`trackerdcs schema`: the contract as files."""

from pathlib import Path
from typing import Annotated

import typer

from trackerdcs.domain.errors import StoreFault


def schema(
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")] = Path("schema"),
) -> None:
    """Write the JSON Schemas of all messages and of the stand file, and the AsyncAPI document of all topics."""
    import json

    from trackerdcs.adapters.schema import asyncapi, json_schemas, stand_schema

    documents = {f"{kind}.schema.json": s for kind, s in (json_schemas() | {"stand": stand_schema()}).items()}
    documents["asyncapi.json"] = asyncapi()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            (out / name).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            typer.echo(str(out / name))
    except OSError as e:
        raise StoreFault(f"{e.filename}: cannot be written: {e.strerror}") from e
