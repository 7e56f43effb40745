"""30 days of 4 quantities at 1 Hz on the Trends page: the API's answer, and from the press of a key to the drawn plot.

Run from the root: .venv/bin/python bench/trends.py [DAYS]
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.async_api import async_playwright

from trackerdcs.adapters.series_sqlite import SqliteSeries
from trackerdcs.domain.moments import S
from trackerdcs.domain.series import Point
from trackerdcs.settings import load_stand
from trackerdcs.tests.programs import require
from trackerdcs.tests.running_demo import READY, free_ports
from trackerdcs.tests.trusting_chromium import FLAGS

DAY = 86_400
BATCH, REPEATS, BUCKETS = 2500, 15, 1000
NAMES = ("v_mon", "i_mon", "v_set", "i_limit")
QUERY = "&".join(f"q=demo/hv1/ch3/{name}" for name in NAMES)
PRESS = """async () => {
    const plot = document.getElementById('plot'), before = plot.dataset.fetches, began = performance.now();
    [...document.querySelectorAll('button')].find((b) => b.textContent === '30 d').click();
    while (plot.dataset.fetches === before) await new Promise((done) => requestAnimationFrame(done));
    await new Promise((done) => requestAnimationFrame(done));
    return [performance.now() - began, Number(plot.dataset.drawn_ms), Number(plot.dataset.buckets.split(' ')[0])];
}"""


def median(times: list[float]) -> str:
    return f"median {statistics.median(times):.0f} ms, best {min(times):.0f}, worst {max(times):.0f} of {len(times)}"


async def seed(path: Path, days: float, stop: int) -> None:
    series, seconds = SqliteSeries(path), int(days * DAY)
    tags = (("stand", "demo"), ("device", "hv1"), ("channel", "ch3"))
    for first in range(0, seconds, BATCH):
        points = []
        for i in range(first, min(first + BATCH, seconds)):
            v = -200.0 + (i * 7919 % 1009) / 1e4
            points.append(
                Point("hv", tags, stop - (seconds - i) * S, dict(zip(NAMES, (v, -v * 1e-9, -200.0, 1e-6), strict=True)))
            )
        assert await series.write(points) == []
    await series.close()


def api(port: int, since: int, until: int) -> tuple[list[float], int]:
    asked = "&".join(f"quantity=demo/hv1/ch3/{name}" for name in NAMES)
    address = f"http://127.0.0.1:{port}/api/series?{asked}&since={since}&until={until}&number={BUCKETS}"
    times, size = [], 0
    for i in range(REPEATS + 1):
        began = time.perf_counter()
        with urllib.request.urlopen(address) as reply:
            body = reply.read()
        if i:
            times.append((time.perf_counter() - began) * 1e3)
        size = len(body)
    assert all(len(one["at"]) > BUCKETS / 2 for one in json.loads(body)["series"])
    return times, size


async def pressed(port: int) -> tuple[list[float], list[float], int]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(require("chromium")), args=list(FLAGS))
        page = await browser.new_page(viewport={"width": 1400, "height": 1000})
        await page.goto(f"http://127.0.0.1:{port}/trends?{QUERY}&follow=3600")
        await page.locator("#plot[data-fetches]").wait_for()
        found = [await page.evaluate(PRESS) for _ in range(REPEATS + 1)][1:]
        await browser.close()
    return [each[0] for each in found], [each[1] for each in found], int(found[0][2])


def main() -> None:
    days = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "var")
        data.mkdir()
        from trackerdcs.cli.demo import STAND

        began, now = time.perf_counter(), time.time_ns()
        asyncio.run(seed(data / load_stand(Path(STAND)).store.path, days, now))
        print(f"{days:g} days of {len(NAMES)} quantities at 1 Hz written in {time.perf_counter() - began:.0f} s")
        broker, sim, web = free_ports(1), free_ports(4), free_ports(1)
        ports = ["--broker-port", str(broker), "--sim-port", str(sim), "--web-port", str(web), "--data", str(data)]
        program = str(Path(sys.executable).with_name("trackerdcs"))
        with subprocess.Popen([program, "demo", *ports], stdout=subprocess.PIPE, text=True) as demo:
            assert demo.stdout
            next(line for line in demo.stdout if READY in line)
            try:
                times, size = api(web, now - int(days * DAY) * S, now)
                print(f"API, {BUCKETS} buckets each, {size / 1e3:.0f} kB: {median(times)}")
                whole, drawn, buckets = asyncio.run(pressed(web))
                print(f"page, from the press to the plot, {buckets} buckets each: {median(whole)}")
                print(f"of that drawing: {median(drawn)}")
            finally:
                demo.terminate()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
