# Two commands need nothing before them: `make demo` and `make test`.
# What is made lies in this folder (.venv, .cache, demo, dist); pip keeps its downloads in your cache folder.

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-print-directory --no-builtin-rules

WORKERS ?= 2
BIN := .venv/bin
# `make test ARGUMENTS="tests/engine -x"`
ARGUMENTS ?=

.PHONY: help demo test check format bench bench-engine soak wheel lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/run.stamp  ## the main job on real data, as a user would type it
	@$(BIN)/python docs/tour/demo.py

test: check  ## code quality, then every test (Docker tests where an engine answers)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -q $(ARGUMENTS)

check: .venv/dev.stamp  ## format, lint, types, layers
	@mkdir -p .cache
	@$(BIN)/ruff format --check . > .cache/format.txt 2>&1 || { \
	  grep -- ' --> ' .cache/format.txt; echo 'error: these files are not formatted'; echo 'hint: `make format`'; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --cache-dir .cache/import-linter > .cache/layers.txt || { cat .cache/layers.txt; exit 1; }
	@echo 'check: format, lint, types and layers are in order'

format: .venv/dev.stamp  ## format the code and mend what lint can mend
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: .venv/run.stamp  ## speed, each figure beside its floor
	@$(BIN)/python bench/run.py
	@$(BIN)/python bench/services.py

bench-engine: .venv/run.stamp .cache/peers.stamp  ## the engine beside its peers, which it installs
	@$(BIN)/python bench/engine.py

schemas: .venv/run.stamp  ## docs/schemas anew, from the shapes of the files
	@mkdir -p docs/schemas
	@for name in recipe ingredient kitchens template; do \
	  $(BIN)/kitchen schema $$name > docs/schemas/$$name.json || exit 1; done

soak: .venv/dev.stamp  ## the long storms: hundreds of kills and races
	@$(BIN)/python -m pytest -n $(WORKERS) --timeout 3600 -q -m soak $(ARGUMENTS)

wheel: .venv/dev.stamp  ## wheel and sdist in dist/
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --quiet
	@ls dist

lock: .venv/dev.stamp  ## write requirements/*.txt anew from pyproject.toml (needs uv)
	@for group in run:install dev:dev; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-emit-index-url --no-header --no-annotate pyproject.toml --group $${group#*:} \
	    --output-file requirements/$${group%:*}.txt || exit 1; done
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-index-url --no-header --no-annotate --group pyproject.toml:peers --output-file requirements/peers.txt

clean:  ## remove what make made here
	@rm -rf .venv .cache dist build .import_linter_cache
	@$(if $(wildcard demo/.made-by-demo),rm -rf demo)

# ── the virtual environment, from the lock ───────────────────────────────────────────────
# The stamps hold it to the lock: a changed lock installs the difference.
.venv/run.stamp: requirements/run.txt pyproject.toml | .venv/bin/python
	@echo 'installing from requirements/run.txt …'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q kitchens engine
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/run.stamp
	@echo 'installing from requirements/dev.txt …'
	@mkdir -p .cache
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.cache/peers.stamp: requirements/peers.txt | .venv/bin/python
	@mkdir -p .cache
	@sh .ci/make-venv .cache/peers
	@.cache/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/peers.txt
	@touch $@

.venv/bin/python:
	@sh .ci/make-venv .venv
