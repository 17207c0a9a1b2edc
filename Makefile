# Two commands matter: `make run` and `make test`. Both set up what they need on a fresh machine.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
PORT ?= 8501
STUDIO_HOME ?= $(CURDIR)/workspace
export STUDIO_HOME
# Three test workers where 12 GB hold them, on two cores too: a quarter of its time a worker waits for a browser or a run.
WORKERS ?= $(shell awk '/MemTotal/ {m = $$2} END {print m < 12e6 ? 2 : 3}' /proc/meminfo 2>/dev/null || echo 2)
# One thread each keeps test workers from fighting over the cores.
TEST_ENV := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
# In the order tests/conftest.py gives the files, the longest first: one of them would otherwise end alone, on one core.
PYTEST := $(TEST_ENV) $(PY) -m pytest -p no:cacheprovider -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: run test test-slow lint bench bench-planted bench-selection soak clean env env-dev browser

run: env
	@echo "Winnow opens at http://127.0.0.1:$(PORT) (workspace: $(STUDIO_HOME)). Ctrl-C ends it; runs go on."
	@$(PY) -m streamlit run app.py --server.address 127.0.0.1 --server.port $(PORT)

test: env-dev browser
	$(PYTEST) -m "not gpu and not network and not slow"

test-slow: env-dev browser
	$(PYTEST) --timeout 900 -m "slow and not gpu and not network"

lint: env-dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports

bench: env-dev
	@$(PY) -m benchmarks

# Power, false discoveries and false alarms of the audits; about twenty minutes of one core. Writes docs/planted_bias.*
bench-planted: env-dev
	@OMP_NUM_THREADS=1 $(PY) -m benchmarks.planted_bias

# The Select page's default against random draws; some twenty minutes of one core, goes on where it stopped. Writes docs/
bench-selection: env-dev
	@OMP_NUM_THREADS=1 $(PY) -m benchmarks.selection

soak: env-dev
	$(TEST_ENV) $(PY) -m tools.soak

env:
	@$(PYTHON) tools/setup_env.py requirements.txt

env-dev:
	@$(PYTHON) tools/setup_env.py requirements-dev.txt

browser:
	@bash tools/browser_packages.sh

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
