# Hormesis: every target makes the environment by itself; Python >= 3.11, pip and make are enough.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help environment demo test test-all bars clean

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?=
PART ?=
STORY ?= all
SEED ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests write small files by the thousand and wait for the disk each time: in memory they take half as long.
MEMORY := $(shell df -k --output=avail /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 2000000 { print "/dev/shm" }')
IN_MEMORY := $(if $(TMPDIR),,$(if $(MEMORY),TMPDIR=$(MEMORY)))
# Pure tests side by side, then those that measure, alone: a neighbour would be measured too.
PYTEST = $(IN_MEMORY) "$(BIN)/python" -m pytest -q --durations=10
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
BOTH = status=0; $(PYTEST) -m "$(1)not live" $(SIDE_BY_SIDE) $(2) || status=$$?; \
	$(PYTEST) -m "$(1)live" $(2) || status=$$?; exit $$status

# Content, not time stamps: a checkout, a copy or a touch changes the latter. The folder is in the
# key because an environment that was moved or copied points to where it was; it is made anew.
KEY := $(shell { cat pyproject.toml constraints.txt; echo "$(CURDIR)"; } | cksum | cut -d' ' -f1)
STAMP := $(VENV)/.hormesis-$(KEY)

help:
	@echo "make demo [STORY=name]  three stories in about 7 minutes, with reports; STORY=faults, drift or simulated"
	@echo "make test               style, pure and short live tests; 10 minutes on 2 fast cores, 18 on slow ones"
	@echo "make test-all [SEED=n]  every test, with fresh seeds; at most 90 minutes"
	@echo "make bars [PART=name]   full counts and timed figures into benchmarks/results; resumable"
	@echo "make clean              remove what make made; reports and results stay"
	@echo "PYTHON=/path/to/python  another interpreter; VENV=dir  another environment"

environment: $(STAMP)

$(STAMP):
	@python=; \
	for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python=$$candidate; break; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make: no usable Python among: $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)." >&2; \
	  echo "  why:  Hormesis needs Python >= 3.11 with venv and pip; python3 here is: $$(python3 --version 2>&1 || true)" >&2; \
	  echo "  help: install one (Debian and Ubuntu: python3 python3-venv), or name it: make ... PYTHON=/path/to/python3.12" >&2; \
	  exit 1; \
	fi; \
	if ! grep -qs "$(abspath $(BIN))/" "$(BIN)/pip" \
	  || ! "$(BIN)/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  if [ -f "$(VENV)/pyvenv.cfg" ]; then rm -rf "$(VENV)"; fi; \
	  "$$python" -m venv "$(VENV)"; \
	fi; \
	echo "environment: installing into $(VENV) with $$("$(BIN)/python" --version), once; about a minute or two"; \
	"$(BIN)/python" -m pip install --quiet --no-input -c constraints.txt -e ".[pipeline,examples,test,dask,load,mlflow]"; \
	rm -f "$(VENV)"/.hormesis-*; touch "$@"

demo: $(STAMP)
	@"$(BIN)/hormesis" demo --story $(STORY)

test: $(STAMP)
	@$(call BOTH,not slow and ,--hypothesis-profile=ci)

test-all: $(STAMP)
	@seed=$(or $(SEED),$$((RANDOM * 32768 + RANDOM))); \
	echo "seed of the generated tests: $$seed (again: make test-all SEED=$$seed)"; \
	$(call BOTH,,--hypothesis-profile=fresh --hypothesis-seed="$$seed")

bars: $(STAMP)
	@"$(BIN)/python" -m benchmarks $(PART)

clean:
	if [ -f "$(VENV)/pyvenv.cfg" ]; then rm -rf "$(VENV)"; fi
	rm -rf .venv-peers .venv-servers build *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find harness reference_pipeline tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +
