# Freehold's commands. `make demo` and `make test` share one build profile and one target folder.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
export CARGO_TARGET_DIR ?= $(CURDIR)/target
BINARY := $(CARGO_TARGET_DIR)/debug/freehold

.PHONY: help demo test lint tidy deny docs interop bench build tools postgres

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: build tools ## The whole loop on real input: data, training, proof, registry, serving, correction
	@FREEHOLD=$(BINARY) PYTHON=$(CURDIR)/$(VENV)/bin/python bash examples/ticket-triage/demo.sh

test: tools postgres ## Every test
	@echo "== building and running every test (the first build takes a while)"
	@FREEHOLD_PYTHON=$(CURDIR)/$(VENV)/bin/python cargo test --workspace --locked

# The ledger is tested on a real PostgreSQL, which the tests start themselves.
postgres:
	@if [ -n "$$FREEHOLD_TEST_POSTGRES" ] || command -v postgres >/dev/null \
	    || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then exit 0; fi; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "== installing PostgreSQL, on which the ledger is tested"; \
	  apt-get update -qq && apt-get install -y -qq postgresql; \
	else \
	  echo "PostgreSQL is missing, and the ledger is tested on it: install it (Debian: sudo apt-get install postgresql; macOS: brew install postgresql), or name the folder of its programs in FREEHOLD_TEST_POSTGRES"; exit 1; \
	fi

build:
	@echo "== building freehold (the first build takes a while)"
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs, then run this again"; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing: install one (Debian: apt-get install build-essential)"; exit 1; }
	@cargo build --locked -p freehold-cli

# The real OpenAI client, so that the server is tested with what applications use.
tools: $(VENV)/.ready

$(VENV)/.ready: examples/requirements.txt
	@echo "== setting up $(VENV) with the clients that demo and tests talk with"
	@$(PYTHON) -m venv $(VENV) || { echo "python3 with venv is missing (Debian: apt-get install python3-venv)"; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r examples/requirements.txt
	@touch $@

lint: ## Format and lints, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

tidy: ## The house rules
	cargo xtask tidy

deny: ## Licences, sources and duplicates of dependencies
	cargo deny --offline check bans licenses sources

docs: ## API documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --workspace --no-deps --locked

interop: ## Compare the encoder live with transformers and peft (large downloads)
	bash benches/interop.sh

bench: ## Measure beside the public peers and write BENCHMARKS.md
	cargo xtask bench
