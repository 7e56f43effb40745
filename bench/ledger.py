"""What the ledger costs: orders to a simulated supply with and without it, entries on disk, and following a chain.

Run: .venv/bin/python bench/ledger.py
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.ledger_sqlite import SqliteLedger
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.app.recorder import RecordedSupply
from trackerdcs.domain.ledger import LedgerEntry, verify
from trackerdcs.domain.stand import LinkConfig
from trackerdcs.drivers.keithley2410 import Keithley2410
from trackerdcs.ports import PowerSupply
from trackerdcs.services.links import open_link
from trackerdcs.sim.keithley2410 import Keithley2410 as Simulator
from trackerdcs.sim.world import World
from trackerdcs.tests.sim_stand import running

ROUNDS, ORDERS = 31, 300
ENTRIES = 100_000


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def order_many(supply: PowerSupply) -> float:
    """Orders per second, one after the other."""

    def many() -> None:
        for n in range(ORDERS):
            supply.set_voltage("ch0", -float(n % 50))

    return ORDERS / seconds(many)


def orders(folder: Path) -> str:
    """Over a socket of this host, each order read back, by turns with and without the ledger."""
    ledger = SqliteLedger(folder / "orders.sqlite")
    keeper = LedgerKeeper(ledger, "bench", SystemClock())
    with running(Simulator(World())) as sim:
        link = open_link(LinkConfig(sim.resource), Keithley2410.tcp)
        link.connect()
        plain = Keithley2410(link)
        recorded = RecordedSupply(plain, keeper, SystemClock())
        rates = [(order_many(plain), order_many(recorded)) for _ in range(ROUNDS)]
        link.drop()
    keeper.close(10.0)
    without, with_it = (statistics.median(column) for column in zip(*rates, strict=True))
    more = [(1 / recorded - 1 / plain) * 1e6 for plain, recorded in rates]
    return (
        f"orders/s, medians of {ROUNDS} rounds of {ORDERS}: {without:.0f} without, {with_it:.0f} with the ledger; "
        f"{statistics.median(more):.0f} us more an order, worst round {max(more):.0f} us"
    )


async def until_durable(folder: Path) -> str:
    """From an entry to its being on disk: what a command that is not in the safe direction waits for."""
    ledger = SqliteLedger(folder / "durable.sqlite")
    keeper = LedgerKeeper(ledger, "bench", SystemClock())
    took = []
    for _ in range(300):
        began = time.perf_counter()
        keeper.note("accepted", id="i", user="cli", cmd="set_voltage", ch="ch0", args={"v": -50.0}, reason="bench")
        if why := await keeper.written():
            raise SystemExit(why)
        took.append((time.perf_counter() - began) * 1e3)
    keeper.close(10.0)
    return f"an entry until it is on disk: {statistics.median(took):.1f} ms, worst of {len(took)} {max(took):.1f} ms"


def chain(folder: Path) -> str:
    """A long ledger: written together, and followed from its beginning."""
    path = folder / "chain.sqlite"
    ledger = SqliteLedger(path)
    entry = LedgerEntry(1, "bench", "order", "ch0", "i" * 36, "cli", order="set_voltage", value=-50.0, ms=3.2)
    write = seconds(lambda: [ledger.append([entry] * 1000) for _ in range(ENTRIES // 1000)])
    follow = seconds(lambda: verify(ledger.chain()))
    ledger.close()
    return (
        f"{ENTRIES} entries: {ENTRIES / write:.0f}/s written in thousands, {ENTRIES / follow:.0f}/s followed, "
        f"{path.stat().st_size / ENTRIES:.0f} bytes each"
    )


def main() -> None:
    """All three, on a disk and not in memory."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        print(orders(folder))
        print(asyncio.run(until_durable(folder)))
        print(chain(folder))


if __name__ == "__main__":
    main()
