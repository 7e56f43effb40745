"""What a lab installs, as a lab sees it: through the gateway, with a browser, in containers that come and go."""

import contextlib
import os
import re
import tempfile
import time
import unittest
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from playwright.sync_api import Page, expect

from trackerdcs.domain.run import FINAL_STATES
from trackerdcs.tests.compose_stack import STAND, ComposeStack
from trackerdcs.tests.edge_witness import EdgeWitness
from trackerdcs.tests.pictures import shot
from trackerdcs.tests.trusting_chromium import TrustingChromium

PASSWORD = "one for this test only"
INSTRUMENT = "sim"
"""Not one of ours: to restart it is to take an instrument's plug out."""


class TestStackInDocker(unittest.TestCase):
    stack: ClassVar[ComposeStack]
    chromium: ClassVar[TrustingChromium]

    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = ComposeStack()
        cls.addClassCleanup(cls.stack.stop)
        cls.chromium = cls.enterClassContext(TrustingChromium(cls.stack.folder / "secrets/ca/ca.crt"))
        for role in ("viewer", "shifter", "expert"):
            cls.stack.add_user(role, role, PASSWORD)
        print(f"up, once the images are built: {cls.stack.up_s:.0f} s", flush=True)

    def logged_in(self, name: str, password: str = PASSWORD) -> Page:
        window = self.chromium.window()
        self.addCleanup(window.close)
        page = window.new_page()
        page.goto(self.stack.url)
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(password)
        if name == "shifter":
            shot(page, "login")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{self.stack.url}/")
        return page

    def control_page(self) -> Page:
        page = self.logged_in("shifter")
        page.goto(f"{self.stack.url}/control/")
        for device in ("hv1", "lv1", "env1"):
            page.locator(f'[data-device="{STAND}/{device}"][data-mark=fresh]').wait_for()
        return page

    def on(self, page: Page, device: str, ch: str) -> None:
        page.locator(f'[data-channel="{STAND}/{device}/{ch}"] [data-cmd=on]').click()
        page.locator("[data-confirm=on]").click()
        self.done(page, device, ch)

    def apply(self, page: Page, device: str, ch: str, cmd: str, text: str) -> None:
        channel = page.locator(f'[data-channel="{STAND}/{device}/{ch}"]')
        channel.locator(f"[data-field={cmd}]").fill(text)
        channel.locator(f"[data-apply={cmd}]").click()
        self.done(page, device, ch)

    @staticmethod
    def done(page: Page, device: str, ch: str) -> None:
        page.locator(f'[data-channel="{STAND}/{device}/{ch}"] li.newest[data-fate=done]').wait_for()

    @contextlib.contextmanager
    def bias(self, volts: float) -> Iterator[None]:
        """High voltage on hv1/ch0, by the command line."""
        self.stack.trackerdcs("send", STAND, "lv1", "on", "ch1", "--reason", "test")
        self.stack.trackerdcs("send", STAND, "hv1", "set_voltage", "ch0", "--arg", f"v={volts}", "--reason", "test")
        self.stack.trackerdcs("send", STAND, "hv1", "on", "ch0", "--reason", "test")
        yield
        self.stack.trackerdcs("send", STAND, "hv1", "off", "ch0", "--reason", "test")
        self.stack.trackerdcs("send", STAND, "lv1", "off", "ch1", "--reason", "test")

    def test_a_shifter_biases_a_sensor_and_kills_it_and_a_viewer_may_only_kill(self) -> None:
        page = self.control_page()
        self.on(page, "lv1", "ch1")
        ch0 = page.locator(f'[data-channel="{STAND}/hv1/ch0"]')
        self.apply(page, "hv1", "ch0", "set_voltage", "-100")
        self.on(page, "hv1", "ch0")
        expect(ch0.locator("[data-measured=v_mon] .number")).to_have_text(re.compile(r"^−(99\.[5-9]\d|100\.\d\d) V$"))
        shot(page, "control")
        query = f"SELECT last(v_mon) FROM hv WHERE stand='{STAND}' AND device='hv1' AND channel='ch0'"
        self.stack.until(lambda: self.near(query, -100), "the measured voltage is in InfluxDB")
        ledger = self.stack.trackerdcs("ledger", STAND, "--device", "hv1", "--json")
        self.assertIn('"shifter"', ledger)

        page.locator(f'[data-kill="{STAND}"]').click()
        expect(page.locator(f'[data-killed="{STAND}"]')).to_contain_text("all high voltage was seen off")
        self.stack.until(lambda: self.near(query, 0), "the voltage is down, in InfluxDB too")
        shot(page, "killed")

        viewer = self.logged_in("viewer")
        for path in ("/control/", "/nodered/"):
            answer = viewer.goto(f"{self.stack.url}{path}")
            assert answer is not None
            self.assertEqual(answer.status, 403)
        expect(viewer.locator("body")).to_contain_text("expert")
        viewer.goto(f"{self.stack.url}/kill")
        shot(viewer, "home")
        viewer.get_by_role("button", name=re.compile("KILL")).first.click()
        expect(viewer.locator("body")).to_contain_text(re.compile("SENT", re.IGNORECASE))
        self.stack.trackerdcs("send", STAND, "hv1", "clear_trip", "ch0", "--reason", "test")
        self.stack.trackerdcs("send", STAND, "lv1", "off", "ch1", "--reason", "test")

    def test_the_console_works_behind_the_gateway_on_the_databases_of_the_stack(self) -> None:
        page = self.logged_in("shifter")
        row = page.locator(f'[data-channel="{STAND}/hv1/ch1"]')
        form = row.locator("form[data-cmd=set_voltage]")
        form.locator("input").fill("-20")
        form.get_by_role("button").click()
        expect(row.locator(".result")).to_have_attribute("data-state", "done")
        expect(page.locator(f'[data-device="{STAND}/hv1"]')).to_contain_text("s ago")
        page.goto(f"{self.stack.url}/alarms")
        expect(page.locator("main")).to_contain_text(f"The alarms of {STAND} are watched")
        page.goto(f"{self.stack.url}/ledger")
        expect(page.locator("tbody tr", has_text="set_voltage").first).to_contain_text("shifter")
        page.goto(f"{self.stack.url}/logbook")
        page.fill("form.write [name=text]", "The box was opened.")
        page.get_by_role("button", name="Write").click()
        expect(page.locator("article").first).to_contain_text("The box was opened.")
        page.goto(f"{self.stack.url}/health")
        expect(page.locator(f"#parts [data-key='{STAND}/env1']")).to_contain_text("online")
        expect(page.locator(f"#parts [data-key='{STAND}/derived']")).to_contain_text("online")
        asked = f"/api/series?quantity={STAND}/hv1/ch0/v_mon&number=10"
        (series,) = page.evaluate("async (path) => (await (await fetch(path)).json()).series", asked)
        self.assertGreater(len(series["n"]), 0)

    def test_a_calibration_is_started_from_the_control_page_and_read_in_the_console(self) -> None:
        page = self.control_page()
        self.apply(page, "lv1", "ch1", "set_current_limit", "1")
        self.apply(page, "lv1", "ch1", "set_voltage", "10")
        expect(page.locator(f'[data-channel="{STAND}/lv1/ch1"] [data-set=v_set]')).to_contain_text("10.00")
        self.on(page, "lv1", "ch1")
        bridge = page.locator(f'[data-channel="{STAND}/ph2acf1/-"]')
        bridge.locator("summary").click()
        bridge.locator('[data-field="start_calibration.calibration"]').fill("PSquickTest")
        bridge.locator('[data-field="start_calibration.config"]').fill("PS_Module.xml")
        bridge.locator(".dcs-reason input").fill("from the control page")
        bridge.locator("[data-cmd=start_calibration]").click()
        bridge.locator("li.newest[data-fate=done]").wait_for()
        page.goto(f"{self.stack.url}/runs")
        page.locator("main").get_by_text("PSquickTest").first.wait_for()

        def newest() -> dict[str, str]:
            asked = "async () => (await (await fetch('/api/runs?calibration=PSquickTest')).json()).runs"
            found: list[dict[str, str]] = page.evaluate(asked)
            return found[0] if found else {"state": "not there"}

        self.stack.until(lambda: newest()["state"] in FINAL_STATES, "the run has ended, and is in MongoDB", 120)
        self.assertEqual(newest()["state"], "done", newest())
        page.goto(f"{self.stack.url}/runs/{newest()['id']}")
        expect(page.locator("main")).to_contain_text("from the control page")
        self.stack.trackerdcs("send", STAND, "lv1", "off", "ch1", "--reason", "test")

    def near(self, query: str, value: float) -> bool:
        rows = self.stack.influxql(query)
        return bool(rows) and abs(rows[0]["last"] - value) < 1

    def test_in_development_node_red_is_reached_directly_and_asks_for_the_same_login(self) -> None:
        page = self.chromium.window().new_page()
        self.addCleanup(page.context.close)
        page.goto(f"http://localhost:{self.stack.ports['DEV_NODERED']}/ui")
        page.get_by_label("Name").fill("shifter")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.goto(f"http://localhost:{self.stack.ports['DEV_NODERED']}/ui")
        page.locator(f'[data-device="{STAND}/hv1"][data-mark=fresh]').wait_for()

    def test_the_first_admin_reaches_the_editor_and_the_dashboards(self) -> None:
        log = self.stack.docker("compose", "logs", "--no-log-prefix", "secrets")
        found = re.search(r"first password of admin.*: (\S+)", log)
        assert found is not None
        page = self.logged_in("admin", found[1])
        for path in ("/nodered/", "/grafana/api/health"):
            answer = page.goto(f"{self.stack.url}{path}")
            assert answer is not None
            self.assertEqual(answer.status, 200, path)

    def test_nothing_is_lost_and_no_voltage_moves_while_each_container_is_restarted(self) -> None:
        stack = self.stack
        with self.bias(-100):
            witness = EdgeWitness(stack)
            self.addCleanup(witness.stop)
            stack.until(lambda: len(witness.of("hv1")) > 3, "frames")
            services = [name for name in stack.containers() if name != INSTRUMENT]
            self.assertGreater(len(services), 10)
            for service in services:
                with self.subTest(service):
                    stack.docker("compose", "restart", service)
                    stack.until(partial(stack.healthy, service), f"{service} is healthy", 90)
            stack.until(lambda: witness.of("hv1")[-1].ts > time.time_ns() - 3 * 10**9, "fresh frames")
            heard = witness.of("hv1")
            for frame in heard:
                values = frame.ch["ch0"]
                if "v_mon" in values:
                    self.assertAlmostEqual(float(values["v_mon"]), -100, delta=1)
                    self.assertEqual(values["on"], True)
            for device in ("hv1", "lv1", "env1"):
                stack.until(partial(self.whole, device, witness), f"all of {device} is stored", 180)

    def whole(self, device: str, witness: EdgeWitness) -> bool:
        """True when all that a device has said up to a moment ago is in the database, each number of each boot once."""
        last: dict[str, int] = {}
        for frame in witness.of(device):
            if frame.ts < time.time_ns() - 5 * 10**9:
                last[frame.boot] = max(frame.seq, last.get(frame.boot, 0))
        for boot, newest in last.items():
            query = f"SELECT seq FROM frames WHERE stand='{STAND}' AND device='{device}' AND boot='{boot}'"
            numbers = [int(row["seq"]) for row in self.stack.influxql(query)]
            if sorted(n for n in numbers if n <= newest) != list(range(newest + 1)):
                return False
        return bool(last)

    def test_a_container_that_is_killed_comes_back_by_itself(self) -> None:
        pid = self.stack.docker(
            "inspect", "-f", "{{.State.Pid}}", self.stack.docker("compose", "ps", "-q", f"{STAND}-env1").strip()
        ).strip()
        os.kill(int(pid), 9)
        self.stack.until(partial(self.stack.healthy, f"{STAND}-env1"), "it is back", 60)

    def test_a_secret_that_is_not_there_is_one_line_and_78(self) -> None:
        for service, secret in (("loader", "influx-token"), (f"{STAND}-hv1", "mqtt"), ("web", "session-key")):
            with self.subTest(service):
                said = [line for line in self.without_secrets(service).splitlines() if line.startswith("trackerdcs: ")]
                self.assertEqual(len(said), 1, said)
                self.assertIn(f"/run/secrets/{secret}", said[0])
        for service, secret in (("nodered", "credential-secret"), ("mosquitto", "passwd"), ("gateway", "server.crt")):
            with self.subTest(service):
                self.assertIn(f"/run/secrets/{secret}", self.without_secrets(service))

    def without_secrets(self, service: str) -> str:
        """What a container says that has none; it has to end."""
        nothing = self.stack.folder / "nothing"
        nothing.mkdir(exist_ok=True)
        data = Path(tempfile.mkdtemp(dir=self.stack.folder))
        data.chmod(0o777)  # not that of the service that runs
        elsewhere = () if service == "gateway" else ("-v", f"{data}:/data", "-e", "TRACKERDCS_LOCKS=/tmp")
        return self.stack.docker(
            *("compose", "run", "--rm", "-T", "--no-deps", "-v", f"{nothing}:/run/secrets:ro", *elsewhere, service),
            check=False,
            timeout=60,
        )

    def test_a_wrong_token_is_one_line_and_not_healthy(self) -> None:
        token = self.stack.folder / "secrets/loader/influx-token"
        good = token.read_text()
        token.write_text("wrong\n")
        try:
            self.stack.docker("compose", "restart", "loader")
            self.stack.until(
                lambda: "the token is refused" in self.stack.docker("compose", "logs", "loader"), "it says so"
            )
            self.stack.until(lambda: not self.stack.healthy("loader"), "compose shows it", 120)
        finally:
            token.write_text(good)
            self.stack.docker("compose", "restart", "loader")
        self.stack.until(partial(self.stack.healthy, "loader"), "the loader goes on", 120)


if __name__ == "__main__":
    unittest.main()
