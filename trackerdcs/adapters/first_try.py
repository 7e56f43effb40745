"""What every client of the broker does when it is entered: it waits for its first try, and not for ever."""

import asyncio


async def first_try(task: asyncio.Task[None], tried: asyncio.Event, limit: float) -> None:
    """Return after the first try of `task`, successful or not, when it has ended, or after `limit` s."""
    waiting = asyncio.create_task(tried.wait())
    await asyncio.wait({task, waiting}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
