# `make` alone says what there is. The long forms live in soak; what must hold
# on every change is in check, which is what .ci/run does first.
GO    ?= go
TOOL  := $(GO) tool -modfile=tools/go.mod
FUZZ  ?= 60s
HTTP  ?= 127.0.0.1:8080
FILES := $(shell git ls-files '*.go' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run test check lint bench bench-edge bench-engine fuzz soak peers

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## the simulated line with everything behind it; HTTP=127.0.0.1:8080
	$(GO) run ./cmd/linewatch run --http $(HTTP)

test: ## every test
	$(GO) test ./...

lint: ## gofmt, gofumpt, go vet, staticcheck
	@test -z "$$(gofmt -l $(FILES) | tee /dev/stderr)" || { echo "run: gofmt -w on the files above" >&2; exit 1; }
	@test -z "$$($(TOOL) gofumpt -l $(FILES) | tee /dev/stderr)" || { echo "run: $(TOOL) gofumpt -w on the files above" >&2; exit 1; }
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

check: lint test ## lint and test: what a change must pass before it is committed

bench: ## the figures of the core: points per second and core, ratio to the floors
	$(GO) test -run '^$$' -bench . -benchmem ./...

# The PLC and the server are processes of their own, so that the CPU is the
# edge's alone. Counted in scans of 10,000 tags, in values and in points.
bench-edge: ## the figures of the edge: S7 and OPC UA to the flushed spool, the spool beside a raw file and after a drain
	$(GO) test -run '^$$' -bench '^BenchmarkS7$$' -benchtime 100x ./edge
	$(GO) test -run '^$$' -bench '^BenchmarkOPCUA$$' -benchtime 100000x ./edge
	$(GO) test -run '^$$' -bench '^Benchmark(Append|Drain|Open|CommitAfterDrain)$$' -benchtime 2000000x ./edge/spool

# Counted in points, in rule changes and in snapshots; starts and memory once.
bench-engine: ## the figures of the whole engine: disk to disk, replay, live rule changes and alerts, pauses, starts, memory
	$(GO) test -run '^$$' -bench '^Benchmark(Engine|Replay)$$' -benchtime 1000000x ./internal/app
	$(GO) test -run '^$$' -bench '^BenchmarkLive$$' -benchtime 500x ./internal/app
	$(GO) test -run '^$$' -bench '^BenchmarkPause$$' -benchtime 20x ./internal/app
	$(GO) test -run '^$$' -bench '^Benchmark(Start|Memory)$$' -benchtime 1x ./internal/app

fuzz: ## every fuzz target for FUZZ (60s each)
	@.ci/fuzz $(FUZZ)

peers: ## the tests that need node, mosquitto or chromium; missing ones fail
	LINEWATCH_REQUIRE_PEERS=1 $(GO) test -count=1 ./...

soak: ## the long forms: more seeds, more kills, more fuzzing; takes hours
	LINEWATCH_SOAK=1 LINEWATCH_REQUIRE_PEERS=1 $(GO) test -count=1 -timeout 12h ./...
	@.ci/fuzz 10m
