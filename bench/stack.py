"""What the stack in containers costs: `python -m bench.stack`; figures in doc/reference/stack-bench.md.

Brings production and the simulated stand up from built images, opens the control page through the gateway, clicks, and
looks at the CPU time of each container while nobody does anything. Needs Docker, Chromium and a quiet machine.
"""

import json
import os
import statistics
import time
from pathlib import Path

from playwright.sync_api import Page

from trackerdcs.tests.compose_stack import STAND, ComposeStack
from trackerdcs.tests.trusting_chromium import TrustingChromium

PASSWORD = "one for this bench only"
IDLE_S = 60.0
CLICKS, PAGES = 12, 5
BASE = "python:3.11-slim-bookworm"
OURS = ("loader", "web", "dummy-")
CLICK = """() => { window.ended = 0;
    const row = document.querySelector('[data-channel="%s/hv1/ch1"]'), old = row.querySelector('li.newest');
    const id = old && old.dataset.id;
    new MutationObserver((_, o) => { const li = row.querySelector('li.newest');
        if (li && li.dataset.id !== id && ['accepted', 'done'].includes(li.dataset.fate)) {
            window.ended = performance.now(); o.disconnect(); } })
        .observe(row, { subtree: true, childList: true, attributes: true });
    window.began = performance.now(); row.querySelector('[data-apply=set_voltage]').click(); }"""


def cpu_ns(container: str) -> int:
    """CPU time that a container has used, in ns."""
    old, new = Path(f"/sys/fs/cgroup/cpuacct/docker/{container}/cpuacct.usage"), Path("/sys/fs/cgroup/system.slice")
    if old.exists():
        return int(old.read_text())
    stat = (new / f"docker-{container}.scope" / "cpu.stat").read_text()
    return 1000 * int(stat.split()[1])


def containers(stack: ComposeStack) -> dict[str, str]:
    """Service: id of its container."""
    listed = stack.docker("compose", "ps", "--no-trunc", "--format", "json")
    return {one["Service"]: one["ID"] for one in map(json.loads, listed.splitlines())}


def idle(stack: ComposeStack) -> dict[str, float]:
    """Percent of a core of each container while nobody does anything."""
    ids = containers(stack)
    before, began = {name: cpu_ns(container) for name, container in ids.items()}, time.monotonic()
    time.sleep(IDLE_S)
    took = time.monotonic() - began
    return {name: (cpu_ns(container) - before[name]) / took / 1e7 for name, container in ids.items()}


def logged_in(stack: ComposeStack, chromium: TrustingChromium) -> Page:
    page = chromium.window().new_page()
    page.goto(stack.url)
    page.get_by_label("Name").fill("shifter")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{stack.url}/")
    return page


def first_value(stack: ComposeStack, chromium: TrustingChromium) -> float:
    """Seconds from the address to the first measured value, with an empty cache."""
    page = logged_in(stack, chromium)
    began = time.monotonic()
    page.goto(f"{stack.url}/control/", wait_until="commit")
    page.locator("[data-measured=v_mon] .digits").first.wait_for()
    took = time.monotonic() - began
    page.context.close()
    return took


def clicks(stack: ComposeStack, chromium: TrustingChromium) -> list[float]:
    """Milliseconds from a click to what the page says of the command."""
    page = logged_in(stack, chromium)
    page.goto(f"{stack.url}/control/")
    page.locator(f'[data-device="{STAND}/hv1"][data-mark=fresh]').wait_for()
    took = []
    for n in range(CLICKS):
        row = page.locator(f'[data-channel="{STAND}/hv1/ch1"]')
        row.locator("[data-field=set_voltage]").fill(str(-n - 1))
        page.evaluate(CLICK % STAND)
        page.wait_for_function("window.ended > 0")
        took.append(float(page.evaluate("window.ended - window.began")))
        time.sleep(0.8)
    return took


def main() -> None:
    os.environ["TRACKERDCS_DOCKER"] = "1"
    stack = ComposeStack(["docker-compose.yml", "docker-compose.dummy.yml"])
    try:
        print(f"up -d --wait, images built: {stack.up_s:.0f} s")
        for image in (
            "trackerdcs:test",
            "trackerdcs-nodered:test",
            "nodered/node-red:4.1.8",
            "python:3.11-slim-bookworm",
        ):
            size = int(stack.docker("image", "inspect", "-f", "{{.Size}}", image))
            print(f"image {image}: {size / 1e6:.0f} MB")
        stack.add_user("shifter", "shifter", PASSWORD)
        with TrustingChromium(stack.folder / "secrets/ca/ca.crt") as chromium:
            pages = [first_value(stack, chromium) for _ in range(PAGES)]
            print(
                f"page to first value, empty cache: median {statistics.median(pages):.2f} s, largest {max(pages):.2f} s"
            )
            took = clicks(stack, chromium)
            print(f"click to acknowledged: median {statistics.median(took):.0f} ms, largest {max(took):.0f} ms")
        used = idle(stack)
        for name, percent in sorted(used.items()):
            print(f"idle {name}: {percent:.2f} % of a core")
        print(f"idle loader + web + devices: {sum(p for n, p in used.items() if n.startswith(OURS)):.2f} % of a core")
    finally:
        stack.stop()


if __name__ == "__main__":
    main()
