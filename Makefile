# make demo       prepares and trains on real data               make test            all tests that need only Python
# make test-fast  the same without slow tests                    make test-pythons    fast tests on CPython 3.11, 3.12, 3.13
# make test-tfx   tests in a real TFX pipeline                   make test-container  tests of the image, in docker or podman
# make test-runners, test-backends  other Beam runners, other Keras backends      make test-data  external data sets
# make test-engines  tests on Flink, Spark and Prism, which it downloads (QUICK=1: short tests, without Spark)
# make bench, bench-full  the measurements in benchmarks/        make docs            the documentation, in site/
#
# Each target installs its requirements once. PYTHON=... selects the interpreter, PYTEST_ARGS=... is passed to pytest.

SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
export LENGTHWISE_ENGINES ?= $(HOME)/.cache/lengthwise-engines
PYTEST_ARGS ?=
PYTEST = $(BIN)/python -m pytest $(PYTEST_ARGS)
SETUP := bash tools/venv.sh $(VENV)

export TF_CPP_MIN_LOG_LEVEL ?= 2
# Cache byte code: many tests start processes, and each would compile TensorFlow's again.
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

# Builds the documentation site in site/.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Static checks.
check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check
	$(PYTEST) -n $(WORKERS)

test-fast: setup
	$(PYTEST) -n $(WORKERS) -m "not slow"

# Real data sets whose licences forbid shipping them: read from wheels that are downloaded by name.
test-data: setup
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest .wheels recbole==1.2.1 sktime==1.2.0
	LENGTHWISE_WHEELS=$(CURDIR)/.wheels $(PYTEST) -n $(WORKERS) \
		$$(grep -rl --include='*.py' LENGTHWISE_WHEELS tests | xargs -n 1 dirname | sort -u)

test-runners:
	@$(SETUP) demo,test,runners
	$(PYTEST) tests/runners

# In a network namespace with only loopback, because engines accept any connection. They end with the process namespace.
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
