# Few targets; the logic is in Go. `make ci` is what .ci/run calls.
TOOL := go tool -modfile=tools/go.mod

.PHONY: binary test lint cross race sim kill bench demo viewer viewer-test viewer-bench viewer-soak viewer-scrub viewer-pictures mcp-test repairs release ci

test: ## every test of the product
	go test -timeout 30m $(TESTFLAGS) ./...

lint: ## vet, format, static analysis; the import table is a test of internal/archtest
	go vet ./...
	@out=$$($(TOOL) gofumpt -l .); if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	$(TOOL) staticcheck ./...
	cd bench && go vet ./...

cross: ## build for the systems and processors that this machine is not: CROSS="darwin/arm64" says which
	@for target in $${CROSS:-linux/arm64 darwin/arm64 darwin/amd64}; do \
		echo "go build for $$target"; CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build ./... || exit 1; \
	done

# What goes one after another has no races to find: disks that stop or lie at every place, and models.
ALONE := TestCrashes.*|TestTorn.*|TestWhat.*Durable|TestRecoveryRefusesDamage|TestFullDisk|TestFullDiskThenCrash|TestRewriteCutOff|Test.*StoppedAnywhere|TestStopAnywhere|TestDamagedCheckpoints|TestRestartIsNoRestart|TestWorkspaceModel

race: ## the race detector where goroutines meet
	go test -race -run 'BesideAWriter|SideBySide|AtOnce' ./rmg
	go test -race -timeout 30m -skip '^($(ALONE))$$' ./kernel/... ./sched/... ./journal/... $$(go list ./workers/... | grep -v /repair)
	JITOS_SEEDS=$${JITOS_SEEDS:-60} go test -race -short -timeout 30m ./internal/sim/...
	go test -race -run 'TestOthersAreTold|TestTheOrderIsOne|Pairs' ./workers/repair

sim: ## the daemon's core under thousands of seeds: JITOS_SEEDS=N says how many, JITOS_SEED=N repeats one
	JITOS_SEEDS=$${JITOS_SEEDS:-5000} go test -count=1 -timeout 60m -run Sim ./internal/sim

kill: ## the daemon killed a thousand times while it works: JITOS_KILLS=N says how often
	JITOS_KILLS=$${JITOS_KILLS:-1000} go test -count=1 -v -timeout 60m -run TestKillLosesNothing ./cmd/jitos

bench: ## measurements beside peers
	cd bench && go run .

demo: ## the whole story
	go run ./cmd/jitos demo

viewer: ## build the web pages anew: viewer/web to viewer/dist, which is committed
	cd viewer/web && npm ci --no-audit --no-fund && npm run check && npm run build

binary:
	go build -o bin/jitos ./cmd/jitos

viewer-test: binary ## the pages: types, units, that dist is what the sources build, and Chromium against a real daemon
	cd viewer/web && npm ci --no-audit --no-fund && npm run check && npm test && npx vite build --outDir ../../bin/viewer --emptyOutDir && diff -r ../dist ../../bin/viewer && JITOS=$(CURDIR)/bin/jitos npm run e2e

viewer-bench: ## how fast the pages draw: SECONDS=N says how long changes are streamed
	cd viewer/web && node e2e/bench.mjs

viewer-soak: ## a daemon's thousand changes a second, streamed at a page: SECONDS=600 ELEMENTS="10000 100000" say how long, and at how many elements
	cd viewer/web && for n in $${ELEMENTS:-10000 100000}; do ELEMENTS=$$n node e2e/soak.mjs || exit 1; done

viewer-scrub: ## from moving the time bar to the picture: RECORDS=1000000 says how long the log is
	cd viewer/web && node e2e/scrub.mjs

viewer-pictures: ## take the pictures of README and docs/pictures anew, from a daemon in which the demo's bug is mended
	cd viewer/web && node e2e/screenshots.mjs ../../docs/pictures

mcp-test: binary ## the MCP server as the TypeScript SDK sees it
	cd net/mcp/second && npm ci --no-audit --no-fund --ignore-scripts && JITOS=$(CURDIR)/bin/jitos npm test

repairs: ## every seeded bug, the slow ones too
	JITOS_REPAIR=all go test -count=1 -v -timeout 45m -run TestRepairs ./cmd/jitos

release: ## archives in dist/, the first built twice and compared: VERSION=0.2.0 names them, TARGETS=linux/amd64,... says which
	go run ./internal/release -version "$(VERSION)" -targets "$${TARGETS:-linux/amd64,linux/arm64,darwin/amd64,darwin/arm64}"

# The same seeds in every run: what CI finds is the commit's. make sim draws others.
ci: export RAPID_SEED = 1
ci: export JITOS_FROM = 1
ci: TESTFLAGS = -skip '^TestRepairs$$' # more of it below
ci: test lint race
	$(MAKE) cross CROSS=darwin/arm64
	JITOS_REPAIR=half go test -count=1 -v -timeout 45m -run TestRepairs ./cmd/jitos
	$(MAKE) demo
	$(MAKE) viewer-test
	$(MAKE) mcp-test
