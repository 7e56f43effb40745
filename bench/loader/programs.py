"""The programs of others and in C that the bench runs: built on demand into the cache of `make servers`, once."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.servers import Failed, Unobtainable, only_one, run
from trackerdcs.tests.programs import cache_dir

HERE = Path(__file__).resolve().parent
TELEGRAF_VERSION = "1.37.2"
PLUGINS = "custom,inputs.mqtt_consumer,outputs.influxdb_v2,parsers.json_v2"


def telegraf() -> Path:
    """Telegraf with nothing but the plugins used; its own module pins what it is made of. One to two minutes, once."""
    target = cache_dir() / f"telegraf-{TELEGRAF_VERSION}"
    with only_one() as lock:
        if target.exists():
            return target
        if shutil.which("go") is None:
            raise Unobtainable("Telegraf is built with go, which is not on this machine; or leave it out: --without")
        with tempfile.TemporaryDirectory(prefix="build-", dir=cache_dir()) as temporary:
            env = os.environ | {"GOBIN": temporary, "GOFLAGS": "-trimpath -buildvcs=false"}
            version = f"-s -w -X github.com/influxdata/telegraf/internal.Version={TELEGRAF_VERSION}"
            module = f"github.com/influxdata/telegraf/cmd/telegraf@v{TELEGRAF_VERSION}"
            install = ["nice", "-n", "10", "go", "install", "-tags", PLUGINS, "-ldflags", version, module]
            run("telegraf: building", install, cache_dir() / "telegraf.log", lock, env)
            built = Path(temporary, "telegraf")
            answer = subprocess.run([built, "version"], capture_output=True, text=True, check=False)
            if TELEGRAF_VERSION not in answer.stdout:
                raise Failed(f"telegraf: the built program does not run: {answer.stdout}{answer.stderr}")
            built.rename(target)
    return target


def compiled(name: str) -> Path:
    """The program NAME.c of this folder; another one after each change of its source."""
    sources = [HERE / f"{name}.c", HERE / "mqtt.h"]
    target = cache_dir() / f"{name}-{hashlib.sha256(b''.join(s.read_bytes() for s in sources)).hexdigest()[:12]}"
    if target.exists():
        return target
    if shutil.which("cc") is None:
        raise Unobtainable(f"{name}.c needs a C compiler, cc, which is not on this machine")
    cache_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir()) as temporary:
        built = Path(temporary, name)
        command = ["cc", "-O2", "-Wall", "-Wextra", "-o", str(built), str(sources[0])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{name}.c: {done.stderr}")
        built.rename(target)
    return target
