# Every target installs what it needs first (scripts/setup), pinned; see CONTRIBUTING.md.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/signalbox

.PHONY: help setup build run dev test test-unit test-e2e test-e2e-release test-long bench check fmt size

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile

setup: ## Install the pinned build tools
	@scripts/setup

build: setup ## Build the release binary with its web assets inside
	@scripts/build release

run: build ## Build what is missing and serve on http://127.0.0.1:3000, data in ./data
	@exec $(BINARY) serve

dev: setup ## Build in debug, serve, rebuild and reload on every change
	@source scripts/env && exec cargo leptos watch -- serve

check: setup ## Formatting, clippy and the wasm32 build
	@source scripts/env && say "formatting" && cargo fmt --all --check
	@source scripts/env && say "clippy" && cargo clippy --all-targets -- -D warnings
	@source scripts/env && say "wasm32" && cargo clippy -p frontend --features split --target wasm32-unknown-unknown -- -D warnings

test-unit: setup ## Unit and server tests
	@source scripts/env && say "unit and server tests" && scripts/postgres run cargo test

test-e2e: setup ## Browser tests against a debug build
	@scripts/setup --browser
	@scripts/build debug
	@source scripts/env && say "browser tests" && CHROMIUM=$$(scripts/browser) playwright test -c end2end

test-e2e-release: build ## The same browser tests against the release binary
	@scripts/setup --browser
	@source scripts/env && CHROMIUM=$$(scripts/browser) SIGNALBOX_BINARY=$(abspath $(BINARY)) playwright test -c end2end

test: check test-unit test-e2e ## Every test, the browser's included

test-long: build ## The long tests: crashes, cuts of the power, downtime and load against the release binary, 100,000 seeds of the simulation, random sequences on the stores, hostile input, a million calendar cases
	@source scripts/env && SIGNALBOX_BIN=$(abspath $(BINARY)) SIGNALBOX_KILLS=300 SIGNALBOX_RUNS=1000 scripts/postgres run cargo test -p server --test kill -- --nocapture --include-ignored --skip power:: --skip herd:: --skip soak::
	@source scripts/env && say "the power goes, 500 times" && SIGNALBOX_BIN=$(abspath $(BINARY)) SIGNALBOX_CUTS=500 cargo test -p server --test kill -- --nocapture power::
	@source scripts/env && say "50,000 timers that fell due while the server was down" && SIGNALBOX_BIN=$(abspath $(BINARY)) SIGNALBOX_SLEEPERS=50000 SIGNALBOX_SCHEDULES=200 cargo test -p server --test kill -- --nocapture herd::
	@source scripts/env && say "steady work, 10 minutes" && SIGNALBOX_BIN=$(abspath $(BINARY)) cargo test -p server --test kill -- --nocapture --ignored soak::
	@source scripts/env && say "the engine under faults, 100,000 seeds" && SIGNALBOX_SEEDS=100000 cargo test --release -p server --lib -- --nocapture simulation::tests::no_seed
	@source scripts/env && say "the stores told the same, 5,000 sequences each" && SIGNALBOX_SEQUENCES=5000 scripts/postgres run cargo test --release -p server --lib -- --nocapture random_sequences
	@source scripts/env && say "a daily rule, 1,000,000 cases" && SIGNALBOX_CASES=1000000 cargo test --release -p signalbox --lib -- --nocapture a_daily_rule
	@source scripts/env && say "hostile input, 10 minutes a reader" && SIGNALBOX_FUZZ_SECONDS=600 cargo test -p server --test it -- --nocapture fuzz::

bench: build ## Measure the release binary on this machine, on SQLite and on PostgreSQL
	@$(BINARY) bench
	@POSTGRES_VERSIONS=17 POSTGRES_FSYNC=on scripts/postgres run sh -c '$(BINARY) bench --database-url "$$TEST_POSTGRES_URL"'

size: setup ## What the first visit downloads, against its budget
	@scripts/build release
	@node scripts/size.mjs

fmt: ## Format all Rust sources
	@cargo fmt --all
