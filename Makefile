# shipit: make help lists the targets.

GO      ?= go
TOOLS   := $(GO) tool -modfile=.ci/tools.mod
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.DEFAULT_GOAL := help
.PHONY: help build demo test model check e2e sweep races crash bench bench-fleet bench-fleet-deps bench-guard load fuzz golden fmt-check vet staticcheck clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/shipit
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/shipit ./cmd/shipit

demo: build ## show the main job on a lab of hosts on this machine (half a minute)
	@./testdata/demo.sh bin/shipit

test: ## run all tests with the race detector; real OpenSSH too where sshd is installed
	RAPID_CHECKS=$${RAPID_CHECKS:-40} $(GO) test -race -tags faultpoints -parallel 4 -timeout 15m ./...
	@$(MAKE) --no-print-directory model

model: ## 10,000 random runs against the invariants (seconds); a failing seed says how to play it again
	$(GO) test -count 1 -run 'TestInvariants' ./exec/rollout

check: fmt-check vet staticcheck ## what must be clean before a commit

fmt-check:
	@out=$$($(TOOLS) gofumpt -l cmd lang exec examples); test -z "$$out" || { echo "not gofumpt-clean:"; echo "$$out"; exit 1; }

vet:
	$(GO) vet ./...

staticcheck:
	$(TOOLS) staticcheck ./...

e2e: ## the tests against real OpenSSH only, each program with the race detector
	SHIPIT_RACED=1 $(GO) test -race -tags faultpoints -timeout 15m -run 'TestE2E' ./cmd/shipit ./exec/...

crash: ## kill a real deployer wherever it passes, then resume, roll back, apply again (long)
	SHIPIT_CUTS=1 $(GO) test -timeout 1h -run 'TestContract/.*/cut_anywhere' ./exec/transport
	SHIPIT_CRASH=1 $(GO) test -timeout 1h -run 'Died|Gone|Away|TakenBack' ./exec
	SHIPIT_CRASH=1 $(GO) test -timeout 3h -run 'TestE2EAKilledRun' ./cmd/shipit

sweep: ## the random tests with many more seeds than make test has (minutes)
	SHIPIT_SWEEP=1 RAPID_CHECKS=1000 $(GO) test -count 1 -timeout 30m -run 'Race|Turn|GoesWrong|GivesTheSame' ./exec ./exec/scenario
	RAPID_CHECKS=1000 $(GO) test -count 1 -timeout 30m $$(grep -rl --include='*_test.go' 'rapid\.Check' cmd exec lang | xargs -n1 dirname | sort -u | sed 's|^|./|')

races: ## a hundred races each of two tests over real OpenSSH (five minutes)
	SHIPIT_RACES=100 $(GO) test -count 1 -timeout 20m -run 'TestE2EOfTwoDeployersExactlyOneProceeds|TestE2ETwoControllersRace' -v ./cmd/shipit

bench: ## benchmarks: validate and plan of 1,000 hosts, SSH fan-out
	$(GO) test -run '^$$' -bench . -benchmem ./lang/... ./exec/plan ./exec/remote

bin/benchfleet: FORCE
	@mkdir -p bin
	$(GO) build -o $@ ./exec/benchfleet

FORCE:

bench-fleet: build bin/benchfleet ## shipit, its peers and the floor side by side on a fleet of this machine (root; hours): HOSTS="10 50 100" RTT="0 20ms" RUNS=5 SYSTEMD=1
	bin/benchfleet -hosts "$(or $(HOSTS),10 50 100)" -rtt "$(or $(RTT),0 20ms)" -runs $(or $(RUNS),5) \
	  -contestants "$(CONTESTANTS)" $(if $(SYSTEMD),-systemd) -json bin/bench-fleet.json -markdown bin/bench-fleet.md

bench-fleet-deps: ## install the peers that Debian has (root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server openssh-client git sudo curl iproute2 \
	  util-linux rsync ansible-core ansible-mitogen capistrano ruby-ed25519 ruby-bcrypt-pbkdf clustershell pssh python3-fabric

bench-guard: build bin/benchfleet ## shipit against the floor on four hosts (root; half a minute); fails where it became 1.5 times slower
	bin/benchfleet -guard -hosts 4 -runs 3

load: ## what readers cost a run: 500 hosts, 10,000 lines a second, 20 browsers, one that never reads (minutes); LOAD=3 pairs of runs
	SHIPIT_LOAD=$(or $(LOAD),3) $(GO) test -run '^$$' -bench '^BenchmarkLoad$$' -benchtime 1x -v -timeout 30m ./exec/web

fuzz: ## fuzz each target for FUZZTIME (default 30s)
	@grep -rl --include='*_test.go' '^func Fuzz' cmd exec lang | xargs -n1 dirname | sort -u | while read -r dir; do \
	  cat $$dir/*_test.go | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' | while read -r f; do \
	    echo "$$dir $$f"; \
	    $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(or $(FUZZTIME),30s) -fuzzminimizetime 10x ./$$dir </dev/null || exit 1; \
	  done || exit 1; \
	done

golden: ## rewrite the golden files after a wanted change; read the diff
	$(GO) test ./lang/... ./exec/plan ./exec/view ./cmd/shipit -update

clean: ## remove what was built
	rm -rf bin dist
