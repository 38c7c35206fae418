# Every check that CI runs is a target here. Besides Go and git they need a C compiler (-race), bash, curl, python3 and GNU sed, and examples/postgres
# needs a PostgreSQL: that of DATABASE_URL, else Debian's package, which is installed if it is missing and root runs make.

MODULES := . bench cmd/batcher examples gateway gateway/clients modeltest natsbatch natsbatch/embed natsbatch/e2e otelbatch
RELEASED := /gateway /natsbatch /natsbatch/embed /otelbatch # beside the core
LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHSTAT := go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

.PHONY: all test race modules vet ports fix lint fuzz e2e e2e-nats soak guard bench gate reach benchstat tidy

all: test modules vet fix e2e

test: ## the README's test command
	go test -race ./...

race: ## the core, until a rare order of events has had its chance; COUNT is how many times each test runs
	go test -race -shuffle=on -count=$(or $(COUNT),10) -cpu=1,2,8 -skip "Readme|Prose" . # these two read the documents
	go test -race -shuffle=on -count=3 -cpu=1,2,8 ./middleware ./loader

modules: ## the tests of the modules beside the core
	set -e; for m in $(filter-out .,$(MODULES)); do (cd $$m && go test -race -shuffle=on ./...); done

vet:
	go vet work
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }

ports: ## what is released compiles for other systems and for 32 bits, tests included; about 5 minutes
	set -e; for port in windows/amd64 darwin/arm64 linux/386; do for m in . cmd/batcher $(patsubst /%,%,$(RELEASED)); do \
	(cd $$m && GOOS=$${port%/*} GOARCH=$${port#*/} go vet ./...); done; done

fix: ## no code that a newer Go would write in a simpler way
	set -e; for m in $(MODULES); do (cd $$m && go fix -diff ./...); done

lint:
	set -e; for m in $(MODULES); do (cd $$m && $(LINT) run --config $(CURDIR)/.golangci.yml ./...); done

fuzz: ## each fuzz target for a short time; by count, since a run that is limited by time may end with an error
	set -e; git grep -l '^func Fuzz.*testing.F' -- '*_test.go' | xargs -n 1 dirname | sort -u | while read -r folder; do \
	for target in $$(cd $$folder && go test -list '^Fuzz' . | grep '^Fuzz'); do \
	(cd $$folder && go test -run '^$$' -fuzz "^$$target\$$" -fuzztime 30000x .); done; done

e2e: ## pipe on real input, with its output compared
	cmd/batcher/e2e.sh

e2e-nats: ## the promises of natsbatch, with the counts that they are stated with; about 4 minutes
	cd natsbatch/e2e && go test -race -timeout 15m -full .

soak: ## the gateway under load, flaps and reloads, in memory and with a store; SOAK is how long each lasts
	cd cmd/batcher && go test -run TestSoak -timeout 40m -v -soak $(or $(SOAK),10m) .

guard: ## the costs that must not grow
	go run ./bench guard

bench: ## writes docs/performance.md; about 8 minutes on a quiet machine
	go run ./bench

gate: ## the gateway's speed, as a program among others
	go run ./bench/gate

reach: ## the speed of natsbatch beside the server's own ceilings; about 3 minutes
	go run ./natsbatch/e2e/reach

benchstat: ## compares the core's benchmarks with those of the commit BASE
	@test -n "$(BASE)" || { echo "usage: make benchstat BASE=<commit>"; exit 2; }
	set -e; old=$$(mktemp -d); trap 'git worktree remove --force '$$old EXIT; \
	git worktree add --quiet --detach $$old $(BASE); \
	(cd $$old && GOWORK=off go test -run '^$$' -bench . -count 6 .) >$$old.txt; \
	GOWORK=off go test -run '^$$' -bench . -count 6 . >$$old.new.txt; \
	$(BENCHSTAT) $$old.txt $$old.new.txt

tidy: ## go mod tidy, which cannot find modules that are not published without a replace
	GOWORK=off go mod tidy
	set -e; for m in $(filter-out .,$(MODULES)); do (cd $$m && \
	for to in "" $(RELEASED); do go mod edit -replace github.com/gobatcher/batcher$$to=$(CURDIR)$$to; done; GOWORK=off go mod tidy; \
	for to in "" $(RELEASED); do go mod edit -dropreplace github.com/gobatcher/batcher$$to; done); done
