"""What holds for every container of the stack, read from the compose files themselves."""

import unittest
from pathlib import Path
from typing import Any

import yaml

from trackerdcs.domain.containers import compose_file
from trackerdcs.settings import load_stand

ROOT = Path(__file__).parents[3]
STAND = "./trackerdcs/stands/dummy.yaml"
ONCE = {"secrets", "influx-init", "mongo-init", "cli-dummy", "dummy-ph2acf1-token"}
"""Services that do their work and end."""
IN_THE_IMAGE = {"nodered"}
"""Services whose image has a health check of its own."""


def services(name: str) -> dict[str, dict[str, Any]]:
    found = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))["services"]
    assert isinstance(found, dict)
    return found


class TestCompose(unittest.TestCase):
    def setUp(self) -> None:
        dummy = {name: s for name, s in services("docker-compose.dummy.yml").items() if "image" in s}
        self.services = services("docker-compose.yml") | dummy

    def each(self, skip: set[str] = frozenset()) -> Any:  # type: ignore[assignment]
        for name, service in self.services.items():
            if name not in skip:
                with self.subTest(name):
                    yield service

    def test_the_dummy_overlay_is_what_the_command_makes(self) -> None:
        made = compose_file(load_stand(ROOT / STAND), STAND)
        self.assertEqual(
            (ROOT / "docker-compose.dummy.yml").read_text(encoding="utf-8"),
            made,
            "run: trackerdcs compose trackerdcs/stands/dummy.yaml > docker-compose.dummy.yml",
        )

    def test_images_are_pinned(self) -> None:
        for service in self.each():
            tag = service["image"].partition(":")[2]
            self.assertTrue(tag and "latest" not in tag)

    def test_no_container_may_more_than_it_needs(self) -> None:
        for service in self.each():
            self.assertTrue(service["read_only"])
            self.assertEqual(service["cap_drop"], ["ALL"])
            self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
            limits = service["deploy"]["resources"]["limits"]
            self.assertEqual(set(limits), {"memory", "pids"})
            self.assertIn("max-size", service["logging"]["options"])
            self.assertNotIn("privileged", service)
        for service in self.each({"secrets"}):
            self.assertFalse(str(service.get("user", "1000")).startswith("0"))

    def test_every_service_that_stays_has_a_health_check_and_comes_back(self) -> None:
        for service in self.each(ONCE):
            self.assertEqual(service["restart"], "unless-stopped")
        for service in self.each(ONCE | IN_THE_IMAGE):
            self.assertIn("test", service["healthcheck"])

    def test_somebody_waits_for_each_job_that_is_always_there(self) -> None:
        waited = {name for s in services("docker-compose.yml").values() for name in s.get("depends_on", ())}
        self.assertEqual({"secrets", "influx-init", "mongo-init"} - waited, set())

    def test_only_the_gateway_and_the_broker_for_edge_nodes_are_published(self) -> None:
        published = {name: s["ports"] for name, s in self.services.items() if s.get("ports")}
        self.assertEqual(set(published), {"gateway", "mosquitto"})
        self.assertTrue(all(port.endswith(":8883") for port in published["mosquitto"]))
        networks = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["networks"]
        inside = {name for name, network in networks.items() if network and network.get("internal")}
        self.assertEqual(inside, set(networks) - {"edge"})

    def test_grafana_is_reached_by_the_gateway_alone(self) -> None:
        # It believes whoever reaches it who somebody is; the database never calls it.
        own = set(self.services["grafana"]["networks"])
        beside = {name for name, s in self.services.items() if own & set(s.get("networks", ()))}
        self.assertEqual(beside, {"gateway", "grafana", "influxdb"})

    def test_in_development_ports_are_opened_on_this_computer_alone(self) -> None:
        dev = services("docker-compose.dev.yml")
        ports = [port for service in dev.values() for port in service.get("ports", ())]
        self.assertEqual(len(ports), 6)
        self.assertTrue(all(port.startswith("127.0.0.1:") for port in ports))

    def test_each_service_sees_its_own_secrets_only(self) -> None:
        for name, service in self.services.items():
            mounted = [v.split(":")[0] for v in service.get("volumes", ()) if v.startswith("./secrets")]
            with self.subTest(name):
                if name == "secrets":
                    self.assertEqual(mounted, ["./secrets"])
                elif name == "influx-init":
                    self.assertEqual(mounted, ["./secrets/influx-init", "./secrets/loader", "./secrets/web"])
                elif name == "dummy-ph2acf1-token":
                    self.assertEqual(mounted, ["./secrets/influx-init", "./secrets/dummy-ph2acf1"])
                elif name == "cli-dummy":
                    self.assertEqual(mounted, ["./secrets/cli"])
                elif name != "sim":
                    self.assertEqual(mounted, [f"./secrets/{name}"])

    def test_the_web_service_sees_the_record_of_gaps_and_cannot_change_it(self) -> None:
        web, loader = self.services["web"], self.services["loader"]
        self.assertIn("loader:/data", loader["volumes"])
        self.assertIn("loader:/loader:ro", web["volumes"])
        self.assertEqual(web["command"][web["command"].index("--gap-records") + 1], "/loader")
        # A volume that is new takes its owner from the image, whoever mounts it first.
        self.assertIn("chown trackerdcs: /data /loader /locks", (ROOT / "Dockerfile").read_text(encoding="utf-8"))

    def test_no_secret_is_in_an_environment(self) -> None:
        for service in self.each():
            for key in service.get("environment") or {}:
                if any(word in key for word in ("PASSWORD", "TOKEN", "SECRET", "KEY")):
                    self.assertTrue(key.endswith("FILE"), key)

    def test_owners_are_never_two(self) -> None:
        for name, service in self.services.items():
            if name.startswith("dummy-"):
                self.assertEqual(service["deploy"]["update_config"], {"order": "stop-first"})
