"""For tests: what must become so, waited for with a generous bound and looked at often."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Return as soon as the condition holds; TimeoutError after `limit` s."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.005)
