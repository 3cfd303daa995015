# Everything that a person or CI does to this repository. `make` lists it.
# Needs Go and make; `make check` and `make e2e` build their own tools, pinned in
# .ci/tools/versions.txt, into .cache/tools.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TOOLS    := $(or $(MODELCHECK_TOOLS),$(CURDIR)/.cache/tools)
BIN      := bin/modelcheck
DEMO     := .cache/demo
FUZZTIME ?= 10s

# The five packages whose exported names others may use, so that nothing in this
# repository has to: deadcode does not count those names.
PUBLIC := artifact|provenance|policy|check|admission

.PHONY: help build demo test check fmt vet staticcheck walls deadcode tidy e2e bench fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/modelcheck
	CGO_ENABLED=0 go build -trimpath -o $(BIN) ./cmd/modelcheck

demo: build ## verify the signed model in testdata/demo and show its provenance manifest
	@mkdir -p $(DEMO)
	@echo
	@echo '$$ $(BIN) verify oci-layout:testdata/demo/layout:v1 --key testdata/keys/demo.pub --manifest $(DEMO)/manifest.json'
	@$(BIN) verify oci-layout:testdata/demo/layout:v1 --key testdata/keys/demo.pub --manifest $(DEMO)/manifest.json
	@echo
	@echo '$$ head -c 1000 $(DEMO)/manifest.json'
	@head -c 1000 $(DEMO)/manifest.json
	@echo ' …'

test: ## run the unit and script tests with the race detector; no network, no other tool
	@go test -race -timeout 30m -v ./... 2>&1 | awk -f .ci/test-report.awk
	@go test -count=1 ./pkg/internal/inspect -run '^TestMemoryIsBounded$$' # skipped under the race detector, which takes memory itself

check: fmt vet staticcheck walls deadcode tidy ## hold the code to its rules

fmt:
	@files=$$(gofmt -l .ci cmd pkg $(wildcard *.go schemas testdata docs)); \
	if [ -n "$$files" ]; then echo "check: not formatted by gofmt:"; echo "$$files"; exit 1; fi

vet:
	go vet ./...
	go vet -tags e2e ./cmd/modelcheck
	go vet ./.ci/bench/...

staticcheck: tools-check
	$(TOOLS)/staticcheck -tags e2e ./...

walls:
	go test ./cmd/modelcheck -run '^TestWalls|^TestDeployCI' -count=1

deadcode: tools-check
	@echo 'deadcode -test -tags e2e ./...'
	@found=$$($(TOOLS)/deadcode -test -tags e2e ./...); \
	dead=$$(grep -vE '^$$|^pkg/($(PUBLIC))/[^/]+\.go:[0-9:]+ unreachable func: ([A-Z]\w*\.)?[A-Z]\w*$$' <<<"$$found" || true); \
	if [ -n "$$dead" ]; then echo "check: nothing calls:"; echo "$$dead"; exit 1; fi

tidy:
	go mod tidy -diff

e2e: tools-e2e ## run the binary against real registries, cosign and a local Sigstore
	go test -count=1 -timeout 10m ./pkg/internal/attest/conformance
	MODELCHECK_TOOLS=$(TOOLS) go test -tags e2e -count=1 -timeout 30m ./cmd/modelcheck -run TestE2E $(E2EFLAGS)

bench: tools-e2e tools-bench ## measure against other tools on this machine (30 min, 25 GB of disk); writes docs/benchmarks.md
	MODELCHECK_TOOLS=$(TOOLS) go test -tags e2e -count=1 -timeout 3h -v ./cmd/modelcheck -run '^TestBench$$' -args -out $(CURDIR)/docs/benchmarks.md $(BENCHFLAGS)

fuzz: ## run every fuzz target for FUZZTIME (10s)
	@grep -rE --include='*_test.go' -o '^func Fuzz\w+' cmd pkg | while IFS=: read -r file func; do \
		dir=./$$(dirname "$$file"); name=$${func#func }; \
		echo "fuzz $$dir $$name"; \
		go test "$$dir" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) </dev/null; \
	done

clean: ## remove what was built, and the built tools
	rm -rf bin .cache

.PHONY: tools-check tools-e2e tools-bench
tools-check:
	@MODELCHECK_TOOLS=$(TOOLS) .ci/tools/install check

tools-e2e:
	@MODELCHECK_TOOLS=$(TOOLS) .ci/tools/install e2e

tools-bench:
	@MODELCHECK_TOOLS=$(TOOLS) .ci/tools/install bench
