# One command each; `make` alone lists them. Needs make and Python >= 3.11, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo secrets test soak containers bench check format flows servers dashboards lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(STAMP) ## run the demonstrator: simulated instruments, broker, database, one process
	$(BIN)/trackerdcs demo

secrets: $(STAMP) ## make what is missing in secrets/ for the stands in stands/; SECRETS="--host dcs.example.org" names this machine
	$(BIN)/trackerdcs secrets secrets stands $(SECRETS)

test: $(STAMP) servers ## run every test; servers that cannot be had are skipped with the reason
	$(BIN)/python -m tools.suite

LONG := contract.test_drivers contract.test_drivers_env integration.test_channel integration.test_channel_random \
	integration.test_fault_battery integration.test_kill integration.test_loader e2e.test_demo
soak: $(STAMP) servers ## the long tests, ten minutes each of random faults and of kill -9 with high voltage on (MINUTES=60 for longer), 20 times 5 minutes of faults around a fast loader (RUNS=4 for fewer)
	TRACKERDCS_LONG=1 $(BIN)/python -m unittest $(addprefix trackerdcs.tests.,$(LONG))
	$(BIN)/python -m trackerdcs.tests.soak $(MINUTES)
	$(BIN)/python -m trackerdcs.tests.soak_safety $(MINUTES)
	$(BIN)/python -m trackerdcs.tests.soak_loader $(RUNS)

containers: $(STAMP) servers ## the stack in Docker: builds the images, starts it, tests it through a browser, makes the pictures of doc/
	TRACKERDCS_DOCKER=1 TRACKERDCS_SHOTS=1 $(BIN)/python -m unittest -v trackerdcs.tests.e2e.test_in_docker_stack trackerdcs.tests.e2e.test_in_docker_install

bench: $(STAMP) servers ## the loader beside Telegraf and others, a quarter of an hour; make bench BENCH="--only live" for parts
	$(BIN)/python -m bench.loader $(BENCH)

check: $(STAMP) ## formatter, linter and type checker, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP) ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

flows: ## write nodered/flows.json anew from nodered/flows/ and nodered/src/; needs node
	node nodered/build.js

servers: $(STAMP) ## get the real servers for the tests into the user's cache
	$(BIN)/python -m tools.servers

dashboards: $(STAMP) ## write Grafana's dashboards (grafana/dashboards) anew from tools/dashboards
	$(BIN)/python -m tools.dashboards

# uv lives in a throw-away environment: only who changes a dependency needs it.
UV_LOCK = pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate
lock: ## write the lock files anew from pyproject.toml; `make lock UPGRADE=--upgrade` takes newer versions
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(PYTHON) -m venv "$$dir" && "$$dir/bin/pip" install --quiet uv && \
	"$$dir/bin/uv" $(UV_LOCK) $(UPGRADE) -o requirements.txt pyproject.toml && \
	"$$dir/bin/uv" $(UV_LOCK) $(UPGRADE) -c requirements.txt --extra runs -o requirements-runs.txt pyproject.toml && \
	"$$dir/bin/uv" $(UV_LOCK) $(UPGRADE) -c requirements-runs.txt --extra runs --extra parquet --group dev -o requirements-dev.txt pyproject.toml

clean: ## remove the environment and the caches; var/ (the demonstrator's data) stays
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find trackerdcs tools -name __pycache__ -type d -prune -exec rm -rf {} +
	@if [ -d var ]; then echo "var/ holds data and was left alone; remove it by hand: rm -r var"; fi

# Brought up to date in place: whoever is running from it meanwhile is not cut off. `make clean` starts from nothing.
$(STAMP): pyproject.toml requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "trackerdcs needs Python 3.11 or newer, '$(PYTHON)' is $$($(PYTHON) -V 2>&1); try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "'$(PYTHON)' comes without venv; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
