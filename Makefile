# What people and CI do here. Every target sets up what it needs; `make setup` alone is quick the second time.

VENV ?= .venv
BIN := $(VENV)/bin
FACES ?= ../shared/faces/lfw-dev
JOBS ?= 2
PYTEST ?= $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

.PHONY: help setup demo test check bench models docs lock clean

help:
	@echo 'make demo     a day at the gate in your terminal, about a minute'
	@echo 'make test     the whole test suite'
	@echo 'make check    style, types, layers, documentation'
	@echo 'make bench    speed and size against what they are promised'
	@echo 'make models   verify the model packs, byte by byte'
	@echo 'make setup    make $(VENV) with $(BIN)/edge-gate in it'
	@echo 'make docs     write the generated parts of docs/ anew'
	@echo 'make lock     resolve firmware_config/requirements anew'

setup:
	@sh firmware_config/setup.sh $(VENV) dev

demo: setup
	@$(BIN)/edge-gate demo $(ARGS)

test: setup
	@$(PYTEST) $(ARGS)

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python docs/generate.py --check
	@$(BIN)/python -m pytest -q tests/test_layers.py

bench: setup
	@sh firmware_config/setup.sh $(VENV) bench
	@$(BIN)/edge-gate bench $(ARGS)

models: setup
	@$(BIN)/edge-gate models verify

docs: setup
	@$(BIN)/python docs/generate.py

lock: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@firmware_config/requirements/lock.sh $(BIN)/uv

clean:
	@rm -rf .venv* .mypy_cache .ruff_cache .pytest_cache .hypothesis .bench build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
