# make run    the service on this machine, with a development identity
# make dev    the service for those who work on it: a demo to sign in to, templates
#             from disk, a log for people; dev-code prints a code to sign in with,
#             dev-reset forgets the demo; DEV='-listen 127.0.0.1:9000' for flags
# make test   everything; installs what it needs where it may
# make lint   gofmt, vet, staticcheck
# make bench  what signing and kept downloads cost, as multiples of the raw
#             signature, downloads per second, downloads and pages over HTTP as
#             parts of what signing alone and a constant allow, and whether a
#             refused sign-in takes as long for strangers as for members
# make bench-log  how long searches of five million actions take, by filter;
#             needs 8 GB for the file .cache/log.db, and ten minutes to make it
# make fuzz   every fuzz target for FUZZTIME each: 10m, or 5000x for a count
# make build  the binary, without cgo
# make codes  docs/codes.md from the code, and the tables of docs/api.md
# make vuln   known vulnerabilities, by an offline database in the folder
#             VULNDB; the default ../shared/vulndb lies beside the checkout

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
AXE = $(CURDIR)/.cache/node_modules/axe-core/axe.min.js
FUZZTIME ?= 30s

# Everything is built as it is shipped, and so built once; only the race
# detector needs cgo.
export CGO_ENABLED = 0

# Tests without the race detector: it would see what the tests do, not what the
# program does, where that runs as a process or is led by a browser; and there
# is no goroutine in what only turns values into others.
PLAIN = ./cmd/mobileconfig ./server/browsertest ./server/crashtest ./docs/... ./profile/... ./signing/gate ./server/audit ./templates

# Of the packages MIXED, tests that do one thing after another, thousands of
# times: the detector takes most of their time and has nothing to find.
MIXED = ./server ./server/panel ./server/store
ONE_BY_ONE = ^Test(ForeignDomains|KeptPages|LookingChangesNothing|Canary|APICanary|WhateverComesOut|APIMalformed|PagesTellEachPrompt|EveryCallFails|TwoProcesses|Tampering|InsertedRows|SwappedRows|Search|Panel|LogPage)$$

# vet is run by lint, once for all.
TESTING = -timeout 15m -vet off

.PHONY: run dev dev-code dev-reset test lint bench bench-log fuzz build codes vuln screenshots

run:
	go run ./cmd/mobileconfig serve --domain example.com --imap imap.example.com --smtp smtp.example.com

dev:
	go run ./cmd/mobileconfig-dev $(DEV)

dev-code dev-reset:
	@go run ./cmd/mobileconfig-dev $(DEV) $(@:dev-%=%)

build:
	go build -trimpath -o mobileconfig ./cmd/mobileconfig

test:
	@.ci/prepare
	go build -o /dev/null ./cmd/mobileconfig
	AXE_JS=$$(ls $(AXE) 2>/dev/null) go test $(TESTING) $(PLAIN)
	go test $(TESTING) -run '$(ONE_BY_ONE)' $(MIXED)
	$$(.ci/race) $(TESTING) -skip '$(ONE_BY_ONE)' $(MIXED)
	$$(.ci/race) $(TESTING) $$(go list ./... | grep -vxF "$$(go list $(PLAIN) $(MIXED))")

lint:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff

bench:
	@go test -run '^$$' -bench . -benchtime $(BENCHTIME) ./server/issue ./server ./server/account | grep -E '^(cpu|Benchmark|FAIL)'

bench-log:
	@mkdir -p .cache
	MOBILECONFIG_BIG=$(CURDIR)/.cache/log.db go test -run '^$$' -bench '^BenchmarkSearch$$' -benchtime 20x -timeout 1h ./server/store | grep -E '^(cpu|Benchmark|FAIL|---|ok)'

fuzz:
	@mkdir -p .cache
	@grep -rl --include='*_test.go' 'func Fuzz' . | while read -r file; do \
		grep -o 'func Fuzz[A-Za-z]*' $$file | cut -c6- | while read -r target; do \
			echo "$$target ($$(dirname $$file))"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$(dirname $$file) >.cache/fuzz.log 2>&1 || { cat .cache/fuzz.log; exit 1; }; \
		done || exit 1; \
	done

codes:
	go test ./docs -run '^(TestCodes|TestAPIGuide)$$' -update

vuln:
	@.ci/vuln

screenshots:
	go test ./server/browsertest -run TestScreenshots -screenshots $(CURDIR)/docs/screenshots
