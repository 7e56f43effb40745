"""The containers of a stand as a compose file: one for the owner of each instrument, one for the guard, one for the
alarms."""

from collections.abc import Iterator

from trackerdcs.domain.resource import SerialAddress, parse_resource
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import ALARMS, DERIVED, GUARD, NOTIFY

HEAD = """\
# Made by `trackerdcs compose {path}`: make it anew when devices come or go, and change nothing here by hand.
# A container for the owner of each instrument: it is stopped, updated and restarted alone, and never runs twice.

x-owner: &owner
  image: trackerdcs:${{TRACKERDCS_TAG:-dev}}
  build: .
  restart: unless-stopped
  init: true
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  tmpfs: [/tmp]
  networks: [bus, bench]
  depends_on:
    secrets: {{condition: service_completed_successfully}}
    mosquitto: {{condition: service_healthy}}
  logging: {{driver: json-file, options: {{max-size: 10m, max-file: "3"}}}}
  deploy:
    resources: {{limits: {{memory: 192M, pids: 64}}}}
    # Two owners of one instrument would be worse than none for a moment.
    update_config: {{order: stop-first}}
  healthcheck: # the broker has acknowledged a status of this service within three heartbeats
    test: [CMD-SHELL, 'cat /tmp/alive && [ -n "$$(find /tmp/alive -newermt "-30 seconds")" ]']
    interval: 5s
    timeout: 5s
    retries: 12

services:
  secrets:
    volumes: [&stand "{path}:/stands/{stand}.yaml:ro"]
  loader:
    volumes: [*stand]
  recorder:
    volumes: [*stand]
  web:
    volumes: [*stand]
"""
SERVICE = """
  {stand}-{name}:
    <<: *owner
    command: [{command}]
    volumes: [*stand, "./secrets/{stand}-{name}:/run/secrets:ro", "{stand}:/data", "locks:/locks"]
"""
BRIDGE = """
  {stand}-{name}: # the simulated Ph2_ACF; a real one runs where it is installed: `trackerdcs ph2acf FILE {name}`
    <<: *owner
    image: trackerdcs-runs:${{TRACKERDCS_TAG:-dev}}
    build: {{context: ., args: {{REQUIREMENTS: requirements-runs.txt}}}} # what reads ROOT files
    command: [ph2acf, "/stands/{stand}.yaml", {name}]
    networks: [{networks}]
    volumes: [*stand, "./secrets/{stand}-{name}:/run/secrets:ro", "{stand}:/data", "locks:/locks"]
    deploy:
      resources: {{limits: {{memory: 768M, pids: 128}}}} # results of a whole module are read in memory
      update_config: {{order: stop-first}}
    depends_on:
      mosquitto: {{condition: service_healthy}}
"""
TOKEN = """
  {stand}-{name}-token: # its way into the time series, then ends
    <<: *owner
    command: [influx-init, --url, "{url}", --secrets, /run/secrets, --out, "/out/{stand}-{name}"]
    restart: on-failure:3
    networks: [db]
    volumes: ["./secrets/influx-init:/run/secrets:ro", "./secrets/{stand}-{name}:/out/{stand}-{name}"]
    depends_on: {{influx-init: {{condition: service_completed_successfully}}}}
    healthcheck: {{disable: true}}
"""
SIM = """
  sim: # the simulated instruments; `docker compose exec sim trackerdcs sim fault ...` breaks them
    <<: *owner
    hostname: sim # its own name is known before others know it
    command: [sim, run, "/stands/{stand}.yaml"]
    volumes: [*stand]
    networks: [bench]
    healthcheck:
      test: [CMD, python, -ISc, "import socket; socket.create_connection(('127.0.0.1', {control}), 2)"]
      interval: 5s
      timeout: 5s
      retries: 12
"""
CLI = """
  cli-{stand}: # `docker compose run --rm cli-{stand} send {stand} hv1 off ch0 --reason ...`, or any other command
    <<: *owner
    profiles: [cli]
    depends_on: {{}} # a kill waits for nobody
    restart: "no"
    environment: {{TRACKERDCS_STAND_FILE: "/stands/{stand}.yaml"}}
    volumes: [*stand, "./secrets/cli:/run/secrets:ro", "{stand}:/data", "locks:/locks"]
"""
TAIL = """
networks:
  bench: {{}} # where the instruments are

volumes:
  {stand}: {{}} # journals, ledgers and command logs of the stand
  locks: {{}} # one owner per instrument, whatever the stand files say
"""


def compose_file(stand: Stand, path: str) -> str:
    """The compose file of a stand whose file is at `path`, as seen from the project's folder."""
    return "".join(_parts(stand, path))


def _parts(stand: Stand, path: str) -> Iterator[str]:
    yield HEAD.format(path=path, stand=stand.stand)
    if any(device.sim for device in stand.devices.values()):
        yield SIM.format(stand=stand.stand, control=stand.sim.control)
    if stand.interlocks:
        yield SERVICE.format(stand=stand.stand, name=GUARD, command=f'guard, "/stands/{stand.stand}.yaml"')
    if stand.derived:
        yield SERVICE.format(stand=stand.stand, name=DERIVED, command=f'derived, "/stands/{stand.stand}.yaml"')
    yield SERVICE.format(stand=stand.stand, name=ALARMS, command=f'alarms, "/stands/{stand.stand}.yaml"')
    if stand.notify is not None:
        yield SERVICE.format(stand=stand.stand, name=NOTIFY, command=f'notify, "/stands/{stand.stand}.yaml"')
    for name, device in stand.devices.items():
        yield SERVICE.format(stand=stand.stand, name=name, command=f'device, "/stands/{stand.stand}.yaml", {name}')
        if not device.sim and isinstance(address := parse_resource(device.link.resource), SerialAddress):
            yield f'    devices: ["{address.path}"]\n    group_add: ["20"] # dialout\n'
    for name, bridge in stand.calibrations.items():
        if bridge.sim:
            influx, mongo = stand.store.kind == "influxdb", stand.runs.kind == "mongodb"
            needs = ["secrets", *[f"{stand.stand}-{name}-token"] * influx, *["mongo-init"] * mongo]
            networks = ["bus", "bench", *["db"] * influx, *["docs"] * mongo]
            if influx:
                yield TOKEN.format(stand=stand.stand, name=name, url=stand.store.url)
            ended = "".join(f"      {service}: {{condition: service_completed_successfully}}\n" for service in needs)
            yield BRIDGE.format(stand=stand.stand, name=name, networks=", ".join(networks)) + ended
    yield CLI.format(stand=stand.stand)
    yield TAIL.format(stand=stand.stand)
