"""For tests: what must become so, waited for with a generous bound and looked at often; a loop at its full speed."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Return as soon as the condition holds; TimeoutError after `limit` s."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.005)


def full_speed() -> None:
    """Leave asyncio's debug mode, which unittest switches on: where many messages pass it takes most of the time."""
    asyncio.get_running_loop().set_debug(False)
