# `make run` and `make test` set up all they need by themselves: Python 3.11 to 3.13 is enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config.toml
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

PIN := $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-annotate --no-header \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help run test test-all laws kills check bench manual pictures format pins clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / - /'

run: $(VENV)/run.stamp ## the bot with config.toml, or the sandbox where there is none
	@if [ -f "$(CONFIG)" ]; then exec $(BIN)/python -m bot run --config "$(CONFIG)"; \
	else exec $(BIN)/python -m bot sandbox; fi

# Whole-bot tests wait half of the time: two workers keep one processor busy.
PYTEST := $(BIN)/python -m pytest --dist worksteal --numprocesses \
  $$($(BIN)/python -c 'import os; print(os.cpu_count() * 2)')

# What tests the tools around the bot, or tests its tests, and takes longest.
BESIDE := tests/benchmarks tests/move tests/replicas tests/sandbox tests/server tests/test_package.py \
  tests/test_sandbox.py tests/test_tour.py tests/test_mutants.py

test: check $(VENV)/test.stamp ## every check of the bot: format, lint, types, imports, tests
	$(PYTEST) $(BESIDE:%=--ignore=%)

test-all: $(VENV)/test.stamp ## the tests beside these: the store, roles and some worlds over PostgreSQL, sandbox, benchmarks, package, mutants of the bot
	$(PYTEST) $(BESIDE)
	WORLDS=8 $(PYTEST) tests/store tests/roles tests/simulation --postgres

laws: $(VENV)/test.stamp ## what holds for whatever comes, with ten times the examples: some ten minutes
	$(PYTEST) --hypothesis-profile deep -m "hypothesis or law"

check: $(VENV)/test.stamp ## the quick half: format, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

kills: $(VENV)/test.stamp ## strike replicas in every way at every moment, and broken twins of them: some forty minutes
	$(BIN)/python -m tests.replicas
	$(BIN)/python -m tests.replicas.twins

bench: $(VENV)/test.stamp ## what the bot costs, as docs/performance.md has it: some ten minutes
	$(BIN)/python -m tests.benchmarks --lines build/benchmarks.jsonl

manual: $(VENV)/test.stamp ## let the bot answer the dialogues anew, and write docs/commands.md
	$(BIN)/python -m tests.dialogue

pictures: $(VENV)/test.stamp ## draw what the README shows; needs Chromium
	$(BIN)/python -m tests.pictures

format: $(VENV)/test.stamp ## put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

pins: $(VENV)/test.stamp ## renew requirements.txt and requirements-dev.txt from pyproject.toml
	$(BIN)/python -m pip install --quiet pip-tools
	$(PIN) --extra postgres --output-file requirements.txt pyproject.toml
	$(PIN) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

clean: ## forget the environment and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info

# A Debian machine may have Python without its venv module: fetch that, once.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "balance-bot needs Python 3.11 to 3.13: make PYTHON=python3.13 ...")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "venv is missing: installing python3-venv"; \
	  apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); }

$(VENV)/run.stamp: requirements.txt | $(BIN)/python
	@echo "Installing the libraries into $(VENV), which may take a minute. This happens once."
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/test.stamp: requirements-dev.txt | $(BIN)/python
	$(INSTALL) -r requirements-dev.txt
	@touch $@ $(VENV)/run.stamp
