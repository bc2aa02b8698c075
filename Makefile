# Everything a contributor runs. `make` or `make help` lists it.
# .venv is made when it is missing and made again when a lock changes.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.bailiwick-installed
LOCKS := requirements-build.lock requirements-dev.lock

# The first interpreter that this project runs on and that can make an environment.
IS_SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
PYTHON = $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$python -c '$(IS_SUITABLE)' 2>/dev/null; then echo $$python; break; fi; done)

# What the user wrote on make's command line, handed to the program as $(2) when it is the
# variable $(1). The same name in the environment is not an order: a cluster that happens
# to be exported in a shell must not become the one that tests and demo write to.
from_command_line = $(if $(filter command,$(firstword $(origin $(1)))),$(2)='$($(1))')
CHOICES = KEEP SHORT KUBECONFIG CONTEXT BAILIWICK_KUBECONFIG BAILIWICK_CONTEXT
RUN = env $(addprefix -u ,$(CHOICES)) \
	$(call from_command_line,KEEP,KEEP) \
	$(call from_command_line,SHORT,SHORT) \
	$(call from_command_line,KUBECONFIG,BAILIWICK_KUBECONFIG) \
	$(call from_command_line,CONTEXT,BAILIWICK_CONTEXT)
SAY_IGNORED = @$(if $(filter environment,$(origin KUBECONFIG)),\
	echo "The exported KUBECONFIG is ignored.$(1)",:)

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  demo, test and bench start a Kubernetes of their own. To have the demo on another:"
	@echo "    make demo KUBECONFIG=path [CONTEXT=name]"

.PHONY: setup
setup: $(STAMP) ## Make .venv with bailiwick and all tools in it.

$(STAMP): $(LOCKS) pyproject.toml
	@if [ ! -x $(BIN)/python ]; then \
		if [ -z "$(PYTHON)" ]; then \
			echo "No Python from 3.11 to 3.14 with venv was found. On Debian: apt-get install python3 python3-venv" >&2; \
			exit 1; \
		fi; \
		echo "Making $(VENV) with $$($(PYTHON) --version)"; \
		$(PYTHON) -m venv $(VENV); \
	fi
	@if [ ! -x $(BIN)/uv ]; then \
		echo "Installing uv"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock; \
	fi
	@echo "Installing what requirements-dev.lock names"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: programs
programs:
	@tests/install-system-packages

.PHONY: lint
lint: $(STAMP) ## Check style, types, import rules, Containerfile and shell scripts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict operator tests
	$(BIN)/lint-imports --no-cache
	$(BIN)/hadolint Containerfile
	$(BIN)/shellcheck .ci/run tests/install-system-packages

.PHONY: format
format: $(STAMP) ## Format the code and mend what can be mended.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: test
test: $(STAMP) programs ## Run all tests (ARGS="-k name" for some).
	$(call SAY_IGNORED)
	@echo "Running the tests; the first run also builds the Kubernetes that they use (several minutes)"
	@$(RUN) $(BIN)/python -m pytest $(ARGS)

.PHONY: demo
demo: $(STAMP) programs ## Show the operator at work on a real API server (KEEP=1 leaves it running).
	$(call SAY_IGNORED, To use that cluster: make demo KUBECONFIG=$$KUBECONFIG)
	@$(RUN) $(BIN)/python -m tests.demo

.PHONY: bench
bench: $(STAMP) programs ## Measure the operator against a bare client (SHORT=1: in 3 minutes).
	$(call SAY_IGNORED)
	@$(RUN) $(BIN)/python -m tests.bench $(ARGS)

.PHONY: fuzz
fuzz: $(STAMP) ## Read manifests that are nearly right (ARGS="--minutes 5": for 5 minutes, not an hour).
	@$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: crds
crds: $(STAMP) ## Write crds/ from the types in operator/bailiwick/api.
	$(BIN)/bailiwick crds --output crds --reference docs/reference/api.md

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate $(UPGRADE)

.PHONY: lock
lock: $(STAMP) ## Write the lock files anew (UPGRADE=--upgrade for newer versions).
	$(LOCK) pyproject.toml --output-file requirements.lock
	$(LOCK) pyproject.toml --group dev --constraints requirements.lock --output-file requirements-dev.lock
	$(LOCK) --group build --constraints requirements-dev.lock --output-file requirements-build.lock
	$(LOCK) --group go --output-file requirements-go.lock

.PHONY: clean
clean: ## Remove .venv, caches and what builds left behind.
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find operator tests -name __pycache__ -type d -prune -exec rm -rf {} +
