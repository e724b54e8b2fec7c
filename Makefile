# `make` lists what there is. Every target takes its settings from the environment or the command
# line: `make up PORT=9000`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Tests wait for others most of the time, so more of them go at once than there are cores.
export RUST_TEST_THREADS ?= 10
# Snapshots are compared, and never written by the way.
export INSTA_UPDATE ?= no

# Tools that compose/prepare builds.
export PATH := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/oncelog/tools/bin:$(PATH)

# Without testcontainers, and the same for all programs: what they depend on is compiled once.
RELEASE := --release --no-default-features
STACK = cargo run --quiet $(RELEASE) --bin stack --
TARGET = $(shell cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
# The stack around the tests, compiled together with them.
AROUND = $(TARGET)/debug/stack run --

BENCHMARK = mkdir -p .stack && cargo build --quiet $(RELEASE) --bin oncelog --bin oncelog-sim \
  && "$(TARGET)/release/oncelog-sim" bench --json .stack/bench.json --html .stack/bench.html

.PHONY: help up down reset ps logs test test-containers fuzz binaries simulate simulate-faults prove bench bench-full verify lint fmt book doc scripts dependencies compiler prepare

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: compiler ## build, start broker, database, api (PORT=8080) and consumer, and wait until they are ready
	@cargo build $(RELEASE) --bin stack
	@$(STACK) up

down: ## stop everything; the data stay
	@$(STACK) down

reset: ## stop everything and delete the data
	@$(STACK) reset

ps: ## what runs: pid, state, port, memory, age
	@$(STACK) ps

logs: ## follow all logs (FOLLOW=0: only their ends)
	@$(STACK) logs

test: compiler ## every test, on a broker and a database of its own
	@compose/prepare tests
	@cargo test --no-run
	@$(AROUND) cargo test --no-fail-fast

fuzz: compiler ## what anybody may send, at random: CASES (100000) for each of its properties, a million and a half in all
	@compose/prepare tests
	@cargo test --no-run
	@PROPTEST_CASES=$(or $(CASES),100000) $(AROUND) cargo test --no-fail-fast untrusted

test-containers: compiler ## the tests that use broker and database, with both in containers
	@compose/prepare tests
	@cargo test --no-run
	@ONCELOG_STACK=containers $(AROUND) cargo test --no-fail-fast \
	  --test oncelog --test broker --test append --test containers

binaries: compiler ## build both programs into .stack/image, for the image's target from-binary
	@cargo build $(RELEASE) --bin oncelog --bin oncelog-sim
	@mkdir -p .stack/image/lib
	@install -m 755 "$(TARGET)/release/oncelog" "$(TARGET)/release/oncelog-sim" .stack/image/ \
	  && cp -L $$(ldd "$(TARGET)/release/oncelog" | awk '$$1 ~ /^libz/ { print $$3 }') .stack/image/lib/

simulate: ## publish 1,000 events with 30 % duplicates to what `make up` has started, and check them (ARGS=…)
	@test -f .stack/env || { echo "nothing is up: run \`make up\` first" >&2; exit 1; }
	@. ./.stack/env && cargo run --quiet $(RELEASE) --bin oncelog-sim -- publish --url "$$ONCELOG_URL" $(ARGS)

bench: compiler ## measure rates, times and memory, each beside its limit (13 min; BENCH=sink, ARGS=…; page in .stack/bench.html)
	@$(BENCHMARK) $(BENCH) $(ARGS)

bench-full: compiler ## the same with a million events each, and tables of 20 million rows (an hour, 26 GB)
	@$(BENCHMARK) $(BENCH) --full $(ARGS)

simulate-faults: compiler ## break a broker, a database and services of its own while events flow (ARGS="all --seeds 1..3")
	@cargo build --quiet --bin oncelog --bin oncelog-sim
	@cargo run --quiet --bin oncelog-sim -- run --own $(or $(ARGS),ci)

prove: compiler ## plant bugs in the services, one at a time, and see each of them caught (ARGS=…)
	@cargo run --quiet --bin oncelog-sim -- prove $(ARGS)

# Parts that `.ci/run` has no time for. All are run, whatever fails before.
verify: prepare ## all that there is: .ci/run, every scenario with SEEDS (1..3), every planted bug, requests over idle connections (two hours)
	@failed=0; .ci/run || failed=1; \
	  $(MAKE) simulate-faults ONCELOG_STACK=native ARGS="all --seeds $(or $(SEEDS),1..3)" || failed=1; \
	  $(MAKE) prove || failed=1; \
	  cargo build --quiet --bin stack && \
	  ONCELOG_STACK=native $(AROUND) cargo test --test oncelog -- --ignored || failed=1; exit $$failed

lint: ## formatting, abolished words, and clippy with warnings denied
	@cargo fmt --all --check
	@.ci/abolished-words
	@cargo clippy --workspace --all-targets -- -D warnings

fmt: ## format the sources
	@cargo fmt --all

book: ## build the book of docs/ into target/book; what mdBook warns of fails
	@compose/prepare book
	@said="$$(mdbook build docs 2>&1)" && ! grep -qE 'WARN|ERROR' <<<"$$said" || { echo "$$said" >&2; exit 1; }
	@echo target/book/index.html

# Private items are built, so links to them lead somewhere.
doc: compiler ## build the documentation of all crates, private items included; broken links fail
	@RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --quiet --workspace --no-deps --document-private-items

scripts: ## shellcheck over all scripts, actionlint over the hosted workflows
	@compose/prepare scripts
	@.ci/lint-scripts

dependencies: ## cargo-deny: licences, sources and versions of what is built in
	@compose/prepare dependencies
	@cargo deny --log-level error check --hide-inclusion-graph bans licenses sources

compiler:
	@compose/prepare build

prepare: ## check for what is needed to build and run; install it where that is possible (root, apt)
	@compose/prepare
