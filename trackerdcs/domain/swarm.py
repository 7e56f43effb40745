"""The stack as `docker stack deploy` takes it: an older format, without what a swarm does by itself or cannot do."""

from collections.abc import Mapping
from typing import Any

from trackerdcs.domain.errors import ConfigError

NOT_THERE = ("build", "depends_on", "restart", "security_opt", "profiles", "pull_policy", "network_mode", "tmpfs")
"""Keys of a service that a stack has no word for, beside those without a value."""
BEFORE = frozenset({"secrets"})
"""Services that have run before a stack is deployed: a swarm starts all others at once, and in no order."""
RESTARTS = {"no": "none", "on-failure": "on-failure"}


def stack_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The stack of what `docker compose config --format json` prints; ConfigError if that is not what it is."""
    if not isinstance(config, dict) or not isinstance(config.get("services"), dict):
        raise ConfigError("expected what `docker compose config --format json` prints: there are no services in it")
    return {
        "version": "3.9",
        "services": {name: _service(s) for name, s in config["services"].items() if name not in BEFORE},
        "networks": {name: _network(network or {}) for name, network in (config.get("networks") or {}).items()},
        "volumes": {name: {} for name in config.get("volumes") or {}},
    }


def _service(service: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in service.items() if value is not None and key not in NOT_THERE}
    deploy = {key: value for key, value in (made.get("deploy") or {}).items() if value}
    condition = RESTARTS.get(str(service.get("restart", "")).partition(":")[0], "any")
    # Names lead to containers and not to a virtual address: one hop less, and it works where the kernel has no IPVS.
    made["deploy"] = deploy | {"restart_policy": {"condition": condition}, "endpoint_mode": "dnsrr"}
    if ports := made.get("ports"):
        made["ports"] = [port | {"mode": "host", "published": int(port["published"])} for port in ports]
    made["volumes"] = [
        *({k: v for k, v in volume.items() if k not in ("bind", "volume")} for volume in service.get("volumes") or ()),
        *({"type": "tmpfs", "target": folder.partition(":")[0]} for folder in service.get("tmpfs") or ()),
    ]
    if (made.get("command") or [""])[0] == "device":
        # A swarm ends what is not healthy. An owner whose broker is gone is needed where it is: it guards its outputs.
        made.pop("healthcheck", None)
    return made


def _network(network: Mapping[str, Any]) -> dict[str, Any]:
    return {"driver": "overlay", "internal": bool(network.get("internal"))}
