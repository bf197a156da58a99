# `make` lists what there is. Everything runs in .venv, which is made from requirements.lock when needed.

PROFILE ?= laptop
export QUESTION ?=
BIN := .venv/bin
API_URL ?= http://127.0.0.1:4200/api

# Nothing here reports to anybody. `[tool.prefect]` in pyproject.toml says the same to commands typed by hand.
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
export HF_HUB_DISABLE_TELEMETRY := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS := 120
export PREFECT_SERVER_UI_V2_ENABLED := false
export TOKENIZERS_PARALLELISM := false
export PREFECT_HOME := $(CURDIR)/.prefect

# The first of these that starts and is 3.11 or 3.12.
FIND_PYTHON = for python in $(PYTHON) python3.11 python3.12 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12)})' 2>/dev/null \
	&& echo $$python && break; done

.PHONY: help install nightly compare ask test lint format check-profiles server worker deploy clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed  ## the environment in .venv (done by itself before the others)

nightly: .venv/.installed  ## one night, from data to promotion, without a server (PROFILE=laptop)
	env -u PREFECT_API_URL $(BIN)/python -m flows nightly --profile $(PROFILE)

compare: .venv/.installed  ## a leaderboard of base, tuned, few-shot and API models (PROFILE=laptop)
	env -u PREFECT_API_URL $(BIN)/python -m flows compare --profile $(PROFILE)

ask: .venv/.installed  ## the model in use, e.g. make ask QUESTION="How many players are there?" SCHEMA=schema.sql
	@test -n '$(SCHEMA)' || { echo 'usage: make ask QUESTION="..." SCHEMA=schema.sql [PROFILE=laptop]' >&2; exit 2; }
	@env -u PREFECT_API_URL $(BIN)/python -m flows ask --profile $(PROFILE) --schema '$(SCHEMA)' "$$QUESTION"

test: .venv/.installed  ## all tests, two files at a time
	env -u PREFECT_API_URL $(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/.installed  ## style, types and the import rules between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed  ## let ruff rewrite the source
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check-profiles: .venv/.installed  ## every profile against its model's architecture and its card, without weights
	$(BIN)/python -m deployments.check_profiles

server: .venv/.installed  ## Prefect's server and UI on http://127.0.0.1:4200
	$(BIN)/prefect server start

worker: .venv/.installed  ## with a server: start what is scheduled or asked for
	PREFECT_API_URL=$(API_URL) $(BIN)/prefect worker start --pool local --type process

deploy: .venv/.installed  ## with a server and a worker: make or update deployments, automations and the training limit
	PREFECT_API_URL=$(API_URL) $(BIN)/python -m deployments.apply

clean:  ## remove the environment and caches; what the nights made (.nightly, .prefect) stays
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: requirements.lock pyproject.toml
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then echo 'Python 3.11 or 3.12 is needed; name one: make PYTHON=/path/to/python3.11' >&2; exit 2; fi; \
	echo "1/3 environment in .venv ($$($$python --version))"; $$python -m venv .venv
	@echo '2/3 torch and what it needs'
	@$(BIN)/pip install -qq --constraint requirements.lock torch
	@echo '3/3 everything else, and this project'
	@$(BIN)/pip install -qq --no-deps --requirement requirements.lock
	@$(BIN)/pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@
