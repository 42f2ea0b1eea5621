# Two commands matter: `make demo` and `make test`. Each makes what it needs first (scripts/setup), once.
# ARGS= passes further words on:  make test ARGS="tests/unit -k curve"   make demo ARGS="--speed 60"
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test check format smoke soak bench screenshots lock clean

BIN := .venv/bin
CODE := $(wildcard src tests scripts benchmarks)
BENCHMARKS := $(basename $(notdir $(filter-out %/__init__.py benchmarks/_%,$(wildcard benchmarks/*.py))))
COMPILE = build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a server with a dozen vehicles living real visits at real prices, and a depot; Ctrl-C ends it
	@scripts/setup run web
	@$(BIN)/dwell demo $(ARGS)

test: ## all tests, on SQLite and on a PostgreSQL of their own
	@scripts/setup dev web clients postgres chromium
	@$(BIN)/pytest $(ARGS)

check: ## format, lint, types, import contracts
	@scripts/setup dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports

format: ## put the code into its format
	@scripts/setup dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

smoke: ## two virtual days of the demo, and a look at their answers
	@scripts/setup dev
	@mkdir -p build
	@$(BIN)/dwell demo --once --json >build/smoke.json </dev/null
	@$(BIN)/python -m scripts.smoke build/smoke.json

soak: ## the tests that search: many seeds, many examples (long)
	@scripts/setup dev postgres
	@$(BIN)/pytest $(wildcard tests/properties tests/simulation) --hypothesis-profile=soak --seeds=100 $(ARGS)

bench: ## every benchmark, one after the other; tables (ONLY=name for one)
	@scripts/setup dev web postgres chromium
	@set -e; for name in $(or $(ONLY),$(BENCHMARKS)); do $(BIN)/python -m "benchmarks.$$name" $(ARGS); done

screenshots: ## the pictures of the dashboard in docs/images, from a demonstration
	@scripts/setup dev web chromium
	@$(BIN)/python -m scripts.screenshots $(ARGS)

lock: ## requirements/*.lock from pyproject.toml and requirements/*.in (UPGRADE=1: to the newest)
	@scripts/setup uv
	@$(COMPILE) requirements/tools.in -o requirements/tools.lock
	@$(COMPILE) requirements/node.in -o requirements/node.lock
	@$(COMPILE) requirements/build.in -o requirements/build.lock
	@$(COMPILE) pyproject.toml -o requirements/run.lock
	@$(COMPILE) pyproject.toml --group dev --constraint requirements/run.lock -o requirements/dev.lock

clean: ## away with all that was made here: .venv, build, caches
	rm -rf .venv build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
