# make run     runs the service on this machine, with a development certificate
# make dev     runs the service with demo data, templates from disk and a readable
#              log. make dev-code prints a sign-in code, make dev-reset deletes the
#              demo; DEV='-listen 127.0.0.1:9000' passes flags
# make test    runs all tests but the soak once, on both databases, with one pass in
#              a browser; installs what it needs if it can
# make race    tests packages with goroutines under the race detector
# make soak    runs tests under stress: kill -9, full disks, races of hundreds of clients,
#              slow and malformed requests, every page on every device, long
#              fuzzing; and clients generated from the API document, and the release
#              packages. It takes hours; SIZE=short takes minutes
# make lint    runs gofmt, vet, staticcheck, go mod tidy
# make fuzz    runs every fuzz target for FUZZTIME each: 10m, or 5000x for a count
# make bench   runs every benchmark and prints ratios, such as multiples of a raw
#              signature. BENCHTIME=1x runs each once
# make bench-log  times searches of five million actions, by filter; needs 8 GB for
#              the file .cache/log.db and ten minutes to create it
# make vuln    checks for known vulnerabilities with an offline database in the
#              folder VULNDB; the default is ../shared/vulndb
# make build   builds the binary, without cgo
# make packages  builds archives, Debian packages, container images, their SBOM and
#              checksums in dist/. Set VERSION=v1.2.3 and ONLY=linux/amd64 to choose.
#              The same commit gives the same bytes
# make release  VERSION=v1.2.3: does everything for a release except publishing it:
#              checks the version, the changelog and generated files, runs everything
#              that must pass, and builds dist/ with release notes
# make codes   generates docs/codes.md and the tables of docs/api.md
# make review  writes templates/review/: a sheet per language, for native speakers
# make screenshots  takes the screenshots in docs/screenshots

FUZZTIME  ?= 30s
BENCHTIME ?= 1s
SIZE      ?= full

# Everything is built as shipped, without cgo, which only the race detector needs,
# and without paths, so that every clone and every target finds what another one
# has compiled.
export CGO_ENABLED = 0
export GOFLAGS := $(strip $(filter-out -trimpath,$(GOFLAGS)) -trimpath)

# Lint already runs vet, and no debugger needs symbols (-s). The timeout only ends
# hanging tests. More packages at a time use the CPU while others wait.
TESTING = -vet off -ldflags=-s -timeout 60m -p 4

# Fewer garbage collections take less CPU time, and more memory.
LAZY = GOGC=400

# The packages that take longest start first.
SLOWEST = ./server ./cmd/mobileconfig ./server/panel

# Tests that need third-party modules or programs are in a separate module.
E2E = server/e2e
AXE = $(CURDIR)/.cache/node_modules/axe-core/axe.min.js

# The race detector can't find anything in packages without goroutines or whose
# program runs as another process. In other packages it skips files marked with
# //go:build !race.
NO_RACE = ./cmd/... ./docs/... ./profile/... ./signing/... ./templates ./server/account/guess ./server/account/internal/... ./server/account/passkey \
	./server/backup/... ./server/branding/... ./server/crashtest ./server/desired ./server/doctor/... ./server/fault ./server/id \
	./server/panel/log ./server/setup ./server/tempfile

.PHONY: release run dev dev-code dev-reset packages prepare test test-main test-e2e race soak lint fuzz bench bench-log vuln build codes review screenshots

run:
	go run ./cmd/mobileconfig serve --domain example.com --imap imap.example.com --smtp smtp.example.com

dev:
	go run ./cmd/mobileconfig-dev $(DEV)

dev-code dev-reset:
	@go run ./cmd/mobileconfig-dev $(DEV) $(@:dev-%=%)

build:
	go build -o mobileconfig ./cmd/mobileconfig

release:
	cd packages && go run . -version '$(VERSION)' -check
	.ci/run
	$(MAKE) --no-print-directory codes review
	git diff --exit-code
	$(MAKE) --no-print-directory packages
	cd dist && sha256sum --check --quiet SHA256SUMS
	@echo "dist/ has the release $(VERSION). To publish it: git tag -s $(VERSION) && git push origin $(VERSION), and upload dist/ with NOTES.md as its text."

packages:
	cd packages && go run . -out $(CURDIR)/dist -version '$(VERSION)' -only '$(ONLY)'

prepare:
	@.ci/prepare

# Both modules at once: one uses the CPU while another waits for a browser or a
# disk. Go doesn't know that tests of the second build programs of the first, so
# their results aren't cached.
test: prepare
	go build -o /dev/null ./cmd/mobileconfig
	@$(MAKE) --no-print-directory -j 2 test-main test-e2e

test-main:
	$(LAZY) TMPDIR=$$(.ci/tmp) go test $(TESTING) $(SLOWEST) ./...

test-e2e:
	cd $(E2E) && $(LAZY) TMPDIR=$$(../../.ci/tmp) AXE_JS=$$(ls $(AXE) 2>/dev/null) go test -count 1 $(TESTING) ./...

race: prepare
	$(LAZY) TMPDIR=$$(.ci/tmp) $$(.ci/race) $(TESTING) $$(go list ./... | grep -vxF "$$(go list $(NO_RACE))")

soak: prepare
	MOBILECONFIG_SOAK=$(SIZE) go test -tags soak $(TESTING:60m=12h) -run '^TestSoak' $$(.ci/soaked)
	cd $(E2E) && MOBILECONFIG_SOAK=$(SIZE) AXE_JS=$$(ls $(AXE) 2>/dev/null) go test -tags soak $(TESTING:60m=12h) -run '^TestSoak' $$(../../.ci/soaked)
	cd packages && TMPDIR=$$(../.ci/tmp) go test $(and $(filter full,$(SIZE)),-tags soak) $(TESTING:60m=12h) ./...
	@[ $(SIZE) != full ] || $(MAKE) fuzz FUZZTIME=10m

lint: prepare
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	for module in . $(E2E) packages; do (cd $$module && go vet ./... && go vet -tags soak ./... && go mod tidy -diff) || exit 1; done
	.cache/bin/staticcheck ./...
	cd $(E2E) && $(CURDIR)/.cache/bin/staticcheck -tags soak ./...

fuzz:
	@.ci/fuzz $(FUZZTIME)

bench: prepare
	@.ci/bench $(BENCHTIME)

bench-log:
	@mkdir -p .cache
	MOBILECONFIG_BIG=$(CURDIR)/.cache/log.db go test -run '^$$' -bench . -benchtime 20x -timeout 1h ./server/store | grep -E '^(cpu|Benchmark|FAIL|---|ok)'

review:
	go test -vet off -run '^TestReview$$' ./templates -update

codes:
	go test $(TESTING) ./docs -update

vuln: prepare
	@.ci/vuln

screenshots: prepare
	cd $(E2E) && go test -tags soak $(TESTING) ./browser -screenshots $(CURDIR)/docs/screenshots
