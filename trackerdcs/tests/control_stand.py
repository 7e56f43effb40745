"""For tests: a simulated stand on a real Mosquitto with logins, the control page in front of it, and a browser."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Playwright, sync_playwright

from trackerdcs.sim.control import ask
from trackerdcs.tests.nodered import COOKIE, NodeRed, Verify
from trackerdcs.tests.programs import require
from trackerdcs.tests.servers import HOST, Mosquitto, free_port
from trackerdcs.tests.service import TRACKERDCS, Forked, Service
from trackerdcs.tests.stack import device_service
from trackerdcs.tests.trusting_chromium import FLAGS

STAND = "bench"
PASSWORD = "only for this test"
PERIOD_S = 0.5
PATIENCE_MS = 15_000
FILE = """
stand: bench
data: {data}
bus: {{kind: mqtt, host: 127.0.0.1, port: {broker}}}
store: {{kind: sqlite}}
users: {{cli: expert, nodered: shifter}}
sim: {{control: {control}, speed: 4}}
interlocks:
  dry_air:
    action: ramp_down
    guidance: open the dry air
    conditions:
      humidity: {{of: env1.rh, max: 60, accuracy: 2, frozen_after: never}}
devices:
  hv1:
    driver: iseg_shr
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{hv1}::SOCKET"}}
    period: {period}
    channels:
      ch0:
        {{label: sensor bias, module: m-1, v_min: -800, v_max: 0, i_limit_max: 2e-5, ramp_up: 25, ramp_down: 50}}
      ch1: {{label: free, v_min: -800, v_max: 0, i_limit_max: 2e-5, ramp_up: 25, ramp_down: 50}}
  lv1:
    driver: hmp4040
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{lv1}::SOCKET"}}
    period: {period}
    channels:
      ch1: {{label: module power, v_min: 0, v_max: 12.5, i_limit_max: 2, module: m-1}}
  env1:
    driver: env_board
    sim: true
    link: {{resource: "ASRL{data}/env1.tty::INSTR"}}
    period: {period}
"""
ACL = """topic readwrite #
user nodered
topic read dcs/v1/#
topic write dcs/v1/+/+/cmd/nodered
topic write dcs/v1/+/kill/nodered
"""


def broker(folder: Path) -> Mosquitto:
    """Mosquitto in which `nodered` has a password and may only command and kill, as in the stack."""
    require("mosquitto")
    (folder / "acl").write_text(ACL)
    command = ["mosquitto_passwd", "-b", "-c", str(folder / "passwd"), "nodered", PASSWORD]
    subprocess.run(command, check=True, capture_output=True)
    for name in ("acl", "passwd"):
        (folder / name).chmod(0o600)
    return Mosquitto([f"password_file {folder}/passwd", f"acl_file {folder}/acl"])


class ControlStand:
    """Broker, simulators, guard, three device services and Node-RED; `stop` ends them all."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        try:
            self._start(self._stack.enter_context)
        except BaseException:
            self.stop()
            raise

    def _start(self, enter: Callable[[Any], Any]) -> None:
        require("nodered")
        require("chromium")
        self.folder = Path(enter(tempfile.TemporaryDirectory(prefix="trackerdcs-", ignore_cleanup_errors=True)))
        self.broker: Mosquitto = enter(broker(self.folder))
        self.control = free_port()
        self.file = self.folder / "bench.yaml"
        ports = {"broker": self.broker.port, "control": self.control, "hv1": free_port(), "lv1": free_port()}
        self.file.write_text(FILE.format(data=self.folder, period=PERIOD_S, **ports))
        self.sim: Service = enter(Service([TRACKERDCS, "sim", "run", str(self.file)], "env1: simulated at"))
        self.guard: Forked = enter(Forked(["guard", str(self.file)]))
        self.owners: dict[str, Forked] = {
            name: enter(Forked([str(self.file), name, "30"], work=device_service)) for name in ("hv1", "lv1", "env1")
        }
        self.verify = Verify()
        self.nodered: NodeRed = enter(NodeRed(self.broker.port, self.verify, PASSWORD))
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.bus = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.bus.on_connect = lambda client, *_: client.subscribe("dcs/v1/#", 1)
        self.bus.on_message = self._heard
        self.bus.connect(HOST, self.broker.port)
        self.bus.loop_start()
        self._stack.callback(self.bus.loop_stop)

    def stop(self) -> None:
        self._stack.close()

    def _heard(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        if not message.retain and message.topic.split("/")[-1] != "frame":
            self.seen.append((message.topic, json.loads(message.payload or b"{}")))

    def said(self, kind: str, **fields: object) -> list[dict[str, Any]]:
        """Messages whose topic has this part, with these fields."""
        found = [body for topic, body in list(self.seen) if kind in topic.split("/")]
        return [body for body in found if all(body.get(name) == value for name, value in fields.items())]

    def world(self, **order: object) -> dict[str, Any]:
        """Tell the simulators something, as `trackerdcs sim fault` does."""
        return dict(ask(HOST, self.control, order))

    def send(self, device: str, cmd: str, ch: str, **args: float) -> None:
        """A command by `cli`, waited for until it is done."""
        options = [part for name, value in args.items() for part in ("--arg", f"{name}={value}")]
        command = [TRACKERDCS, "send", STAND, device, cmd, ch, *options, "--reason", "test"]
        environment = os.environ | {"TRACKERDCS_STAND_FILE": str(self.file)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}")


class Chromium:
    """A browser of the machine, driven by playwright."""

    def __init__(self) -> None:
        self._playwright: Playwright = sync_playwright().start()
        self.browser: Browser = self._playwright.chromium.launch(
            executable_path=str(require("chromium")), args=list(FLAGS)
        )

    def stop(self) -> None:
        self.browser.close()
        self._playwright.stop()

    def context(self, stand: ControlStand, cookie: str | None, width: int = 1400, height: int = 900) -> BrowserContext:
        """A window of its own, logged in with this cookie."""
        context = self.browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(PATIENCE_MS)
        if cookie:
            context.add_cookies([{"name": COOKIE, "value": cookie, "url": stand.nodered.url}])
        return context

    def page(self, stand: ControlStand, cookie: str, fresh: bool = True, **size: int) -> Page:
        """The control page, opened; `fresh`: waited for until all three devices are."""
        page = self.context(stand, cookie, **size).new_page()
        for patience in (8_000, 8_000, PATIENCE_MS):
            try:
                page.goto(f"{stand.nodered.url}/control/stands")
                page.locator(".dcs").wait_for(timeout=patience)
                break
            except Error:  # a network that comes or goes (containers started beside us) makes Chromium drop requests
                continue
        if fresh:
            for name in ("hv1", "lv1", "env1"):
                page.locator(f'[data-device="{STAND}/{name}"][data-mark=fresh]').wait_for()
        return page


def channel(page: Page, device: str, ch: str) -> Locator:
    return page.locator(f'[data-channel="{STAND}/{device}/{ch}"]')


def newest(page: Page, device: str, ch: str, fate: str) -> Locator:
    """The newest command of a channel, waited for until it is this."""
    found = channel(page, device, ch).locator(f'li.newest[data-fate="{fate}"]')
    found.wait_for()
    return found


def apply(page: Page, device: str, ch: str, cmd: str, typed: str) -> None:
    """Type into a field and press Apply."""
    where = channel(page, device, ch)
    where.locator(f'[data-field="{cmd}"]').fill(typed)
    where.locator(f'[data-apply="{cmd}"]').click()


def eventually(what: Callable[[], object], message: str, patience: float = 10.0) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + patience
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {message}")
        time.sleep(0.05)
