# make demo       runs the whole thing on real data              make test         everything that needs only Python
# make test-fast  the same, without the slow ones                make test-pythons fast tests on CPython 3.11, 3.12, 3.13
# make test-tfx   in a real TFX pipeline                         make test-container  the image, in docker or podman
# make test-runners, test-backends: other Beam runners, other Keras backends        make test-data  other people's data
# make test-engines  on Flink, Spark and Prism, which it fetches (QUICK=1: the short ones, without Spark)
# make bench, bench-full: the measurements in benchmarks/          make docs  the documentation, in site/
#
# Each sets up what it needs and reuses it the next time. PYTHON=... chooses the interpreter, PYTEST_ARGS=... is handed on.

SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
export LENGTHWISE_ENGINES ?= $(HOME)/.cache/lengthwise-engines
PYTEST_ARGS ?=
PYTEST = $(BIN)/python -m pytest $(PYTEST_ARGS)
SETUP := bash tools/venv.sh $(VENV)

export TF_CPP_MIN_LOG_LEVEL ?= 2
# Byte code is written once: many tests start processes of their own, and each would compile TensorFlow's again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo setup check test test-fast test-tfx test-container test-runners test-engines test-backends test-pythons test-data \
	bench bench-full docs wheel clean

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

demo:
	@$(SETUP) demo
	$(BIN)/lengthwise demo

setup:
	@$(SETUP) demo,test,docs

# The documentation as a site, in site/.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# What reads the code without running it.
check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check
	$(PYTEST) -n $(WORKERS)

test-fast: setup
	$(PYTEST) -n $(WORKERS) -m "not slow"

# Real data sets that may not be shipped: read out of wheels that are downloaded by name.
test-data: setup
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest .wheels recbole==1.2.1 sktime==1.2.0
	LENGTHWISE_WHEELS=$(CURDIR)/.wheels $(PYTEST) -n $(WORKERS) \
		$$(grep -rl --include='*.py' LENGTHWISE_WHEELS tests | xargs -n 1 dirname | sort -u)

test-runners:
	@$(SETUP) demo,test,runners
	$(PYTEST) tests/runners

# In a network of its own, of loopback alone, as engines serve whoever connects; they end with its namespace of processes.
test-engines:
	@$(SETUP) demo,test
	@mkdir -p $(LENGTHWISE_ENGINES) && bash tools/engines.sh $(VENV) $(LENGTHWISE_ENGINES) prism flink $(if $(QUICK),,spark)
	rm -rf build/engines && $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/engines .
	unshare --net --pid --fork true 2>/dev/null || { echo "test-engines: SKIPPED, network namespaces need root or CAP_SYS_ADMIN"; exit 0; }; \
		PYTHONPATH=. unshare --net --pid --fork --mount-proc --kill-child bash -c 'ip link set lo up; exec $(PYTEST) tests/engines $(if $(QUICK),-m "not slow")'

test-backends:
	@bash tools/venv.sh .venv-backends demo,test,backends
	.venv-backends/bin/python -m pytest $(PYTEST_ARGS) tests/backends

test-tfx:
	bash tools/tfx_env.sh .venv-tfx
	.venv-tfx/bin/python -m pytest $(PYTEST_ARGS) tests/tfx

test-container: setup
	$(PYTEST) tests/container

test-pythons:
	bash tools/pythons.sh $(PYTEST_ARGS)

bench: setup
	$(BIN)/python -m benchmarks

bench-full: setup
	$(BIN)/python -m benchmarks --full

wheel: setup
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf build dist lengthwise-demo site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find pipeline cli tests benchmarks examples tools -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
