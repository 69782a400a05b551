# make run    set up and run the quickstart
# make test   set up, check style and types, run the tests
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

.PHONY: help setup run test test-slow stress fuzz check benchmark lock audit clean

help:
	@echo "make run        set up, then the quickstart: five maps on a simulated cross, compared (about a minute)"
	@echo "make test       set up, then style, types and tests (under 10 minutes)"
	@echo "make test-slow  the slow tests: the quickstart's numbers, real data, a genome-sized cross, killed sweeps (under 20 minutes)"
	@echo "make stress     kills, lost processes, malformed input, full disks and memory in full counts (about 15 minutes)"
	@echo "make fuzz       coverage-guided fuzzing of the readers by atheris, 20 seconds each (20 minutes)"
	@echo "make setup      only the environment in $(VENV)"
	@echo "make lock       write requirements.lock, the tested set with hashes; make audit looks for known faults in it"
	@echo "make benchmark  time and memory of training steps, of a large cross and its pruning, into benchmarks/results"

setup: $(VENV)/.ready

# torch first and pinned: what else needs torch would bring its newest build with several GB of CUDA packages.
$(VENV)/.ready: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not here; set PYTHON to a Python 3.11 or newer"; exit 2; }
	@echo "Setting up $(VENV) (about two minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "  torch"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt torch
	@echo "  everything else"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: setup
	@echo "Quickstart: simulate a cross, fit five maps, compare them (about a minute)"
	@$(BIN)/python sweep.py sweep=quickstart

check: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" pre-commit run --all-files --color never

test: check
	@$(PYTEST) -m "not slow and not stress"

test-slow: setup
	@$(PYTEST) -m slow

stress: setup
	@$(BIN)/python -m pytest tests/faults tests/runs/test_several_devices.py

fuzz: setup
	@$(BIN)/python -m pip install -qq --disable-pip-version-check atheris
	@$(BIN)/python tests/faults/coverage_guided.py

benchmark: setup
	@$(BIN)/python benchmarks/attention_step.py
	@$(BIN)/python benchmarks/joint_step.py
	@$(BIN)/python benchmarks/genome_cross.py
	@$(BIN)/python benchmarks/genome_pruning.py

lock: setup
	@$(BIN)/python .ci/lock.py && echo "requirements.lock written"

audit: setup
	@test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit && .venv-audit/bin/python -m pip install -qq --disable-pip-version-check pip-audit; }
	@.venv-audit/bin/pip-audit --disable-pip --require-hashes -r requirements.lock || { \
		echo "error: vulnerable packages, or no answer: the data base of known faults needs the network"; exit 1; }

clean:
	rm -rf $(VENV) .venv-audit outputs multirun dist .pytest_cache .mypy_cache .ruff_cache
