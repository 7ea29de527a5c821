# Wattseal: everything a user needs; `make help` lists it.
PYTHON ?= python3
BOARD ?= ulx3s-85f
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= auto

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format vectors power-cuts constant-time entropy prove bitstream lock clean tools

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

tools:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Wattseal needs Python 3.11 or later: install it, or name it with make PYTHON=python3.12."; exit 2; }
	@for tool in g++ perl; do command -v $$tool >/dev/null \
	  || { echo "Wattseal needs $$tool to compile the simulation: install it with your package manager (Debian: apt-get install g++ perl)."; exit 2; }; done
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Wattseal needs Python's venv module: install it (Debian: apt-get install python3-venv)."; exit 2; }

$(READY): requirements.lock pyproject.toml | tools
	@echo "== Setting up $(VENV): the packages of requirements.lock (one to two minutes)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock 2>&1 \
	  | awk '/^Collecting/ {printf "\r   package %d: %-40s", ++n, $$2; fflush()} \
	         /^Installing/ {printf "\r   installing them %-40s\n", ""; fflush()} \
	         /^ERROR/ {print "\n" $$0}'
	@$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --quiet -e .
	@touch $@

setup: $(READY)  ## set up the virtual environment .venv

demo: $(READY)  ## run the chip and its firmware on a generated load; report in build/demo
	@echo "== Running the chip's RTL with its firmware on a household load"
	@$(BIN)/wattseal run --load household --out build/demo

test: lint  ## pass lint and all tests
	@echo "== Testing"
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

lint: $(READY)  ## check style, format and types
	@echo "== Linting"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary

format: $(READY)  ## format the sources
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

vectors: $(READY)  ## run every known-answer vector through the RTL
	@echo "== Running all known-answer vectors through the chip's RTL"
	@$(BIN)/wattseal vectors --all
	@echo "== Running those of SHA-256 and AES through both variants of their blocks, and all through the reference"
	@WATTSEAL_VECTORS=all $(BIN)/python -m pytest -n $(JOBS) tests/rtl/crypto/sha256/test_vectors.py \
	  tests/rtl/crypto/aes/test_vectors.py tests/sim/vectors/test_known.py

power-cuts: $(READY)  ## cut the power at every clock of a save
	@echo "== Cutting the power at every clock of a save"
	@WATTSEAL_POWER_CUTS=all $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --timeout 3600 tests/rtl/metering/test_power_fail.py

constant-time: $(READY)  ## compare the clocks of 10 000 keys on the model and 200 on RTL
	@echo "== Comparing the clocks of 10 000 keys on the model and 200 on the RTL"
	@WATTSEAL_CONSTANT_TIME=all WATTSEAL_P256=all $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --timeout 3600 \
	  tests/rtl/crypto/p256/test_constant_time.py tests/rtl/crypto/p256/test_unit.py::test_secret_operations \
	  tests/sw/app/drivers/test_constant_time.py

entropy: $(READY)  ## find every fault of the noise source that the health tests must find
	@echo "== Letting faults befall the noise source"
	@$(BIN)/python -m bench.entropy_detection

prove: $(READY)  ## prove the invariants that have a formal proof
	@echo "== Proving"
	@$(BIN)/python -m prove

bitstream: $(READY)  ## build the bitstream for BOARD (default ulx3s-85f)
	@$(BIN)/wattseal build --board $(BOARD)

lock: $(READY)  ## write requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade -o requirements.lock pyproject.toml

clean:  ## remove everything that was built, and the virtual environment
	@rm -rf build $(VENV) .pytest_cache .ruff_cache .mypy_cache *.egg-info
