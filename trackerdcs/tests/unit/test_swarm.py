"""The stack for a swarm, made from what docker compose prints."""

import unittest
from typing import Any

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.swarm import stack_of

CONFIG: dict[str, Any] = {
    "name": "trackerdcs",
    "x-hard": {},
    "services": {
        "secrets": {"image": "trackerdcs:dev"},
        "gateway": {
            "image": "caddy:2",
            "command": None,
            "build": {"context": "."},
            "restart": "unless-stopped",
            "depends_on": {"web": {"condition": "service_healthy"}},
            "healthcheck": {"test": ["CMD", "true"]},
            "ports": [{"mode": "ingress", "target": 8443, "published": "443", "protocol": "tcp"}],
            "volumes": [{"type": "bind", "source": "/a", "target": "/b", "bind": {"create_host_path": True}}],
            "tmpfs": ["/tmp", "/data:uid=1000"],
            "deploy": {"resources": {"limits": {"pids": 32}}, "placement": {}},
        },
        "influx-init": {"image": "trackerdcs:dev", "restart": "on-failure:3"},
        "lab-hv1": {"image": "trackerdcs:dev", "command": ["device", "x", "hv1"], "healthcheck": {"test": ["CMD"]}},
    },
    "networks": {"bus": {"name": "trackerdcs_bus", "internal": True, "ipam": {}}, "edge": None},
    "volumes": {"loader": {"name": "trackerdcs_loader"}},
}


class TestSwarm(unittest.TestCase):
    def test_a_service_keeps_what_a_stack_knows(self) -> None:
        stack = stack_of(CONFIG)
        self.assertEqual(set(stack), {"version", "services", "networks", "volumes"})
        self.assertEqual(
            stack["services"]["gateway"],
            {
                "image": "caddy:2",
                "healthcheck": {"test": ["CMD", "true"]},
                "ports": [{"mode": "host", "target": 8443, "published": 443, "protocol": "tcp"}],
                "volumes": [
                    {"type": "bind", "source": "/a", "target": "/b"},
                    {"type": "tmpfs", "target": "/tmp"},
                    {"type": "tmpfs", "target": "/data"},
                ],
                "deploy": {
                    "resources": {"limits": {"pids": 32}},
                    "restart_policy": {"condition": "any"},
                    "endpoint_mode": "dnsrr",
                },
            },
        )
        self.assertEqual(stack["services"]["influx-init"]["deploy"]["restart_policy"], {"condition": "on-failure"})
        self.assertEqual(stack["networks"]["bus"], {"driver": "overlay", "internal": True})
        self.assertEqual(stack["networks"]["edge"], {"driver": "overlay", "internal": False})
        self.assertEqual(stack["volumes"], {"loader": {}})

    def test_the_secrets_are_there_before(self) -> None:
        self.assertNotIn("secrets", stack_of(CONFIG)["services"])

    def test_no_swarm_ends_an_owner_because_the_broker_is_gone(self) -> None:
        self.assertNotIn("healthcheck", stack_of(CONFIG)["services"]["lab-hv1"])

    def test_something_else_is_refused(self) -> None:
        odds: list[Any] = [{}, {"services": []}, []]
        for odd in odds:
            with self.subTest(odd), self.assertRaisesRegex(ConfigError, "docker compose config --format json"):
                stack_of(odd)
