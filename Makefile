# The two commands of the README are `make demo` and `make test`.

GO      ?= go
NESTED  := $(patsubst %/go.mod,%,$(wildcard */go.mod))

.PHONY: demo build test format vet unit nonoise race nocgo nested accuracy capi python long bench bench-large bench-page bench-memory bench-ci bench-compare clean

## demo: release a table of synthetic members, and check the release
demo: bin/oboro
	bin/oboro demo --out oboro-demo --replace
	bin/oboro verify oboro-demo

bin/oboro: FORCE
	@mkdir -p bin
	$(GO) build -o $@ ./cmd/oboro
FORCE:

build: bin/oboro

## test: everything that has to hold, in all modules
test: format vet unit nonoise race nocgo nested python

format:
	@bad=$$(find . -name '*.go' -not -path './.*' -print0 | xargs -0 gofmt -l); if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi

vet:
	$(GO) vet ./...

unit:
	$(GO) test -timeout 30m ./...

# A build whose samplers return 0 equals a plain computation.
nonoise:
	$(GO) test -short -timeout 30m -tags oboro_nonoise ./internal/noise ./dp ./anon

# The race detector needs a C compiler; -short keeps it to minutes.
race:
	$(GO) test -race -short -timeout 30m ./...

nocgo:
	CGO_ENABLED=0 $(GO) build ./...

nested:
	@set -e; for m in $(NESTED); do echo "module $$m"; (cd $$m && $(GO) vet ./... && $(GO) test -timeout 30m ./...); done

## long: campaigns that are too long for every test; docs/campaigns.md has the
## last results
long:
	OBORO_PLANS=100000 $(GO) test -timeout 120m -run 'TestLawBounds$$' -v ./dp
	OBORO_V3_BITS=27 $(GO) test -timeout 120m -run FloatSums -v ./dp
	OBORO_LONG=1 $(GO) test -timeout 120m -run GoldenStoch ./dp/dptest

## bench-ci: the short suite of benchmarks, whose ratios must stay within gates
bench-ci:
	cd benchmarks && $(GO) run . -ci

## bench: oboro side by side with what one would use instead, into docs/benchmarks
## and README.md; ARX=CLASSPATH measures ARX too, RUN=count,csv only those again
bench:
	cd benchmarks && $(GO) run . -out ../docs/benchmarks -arx '$(ARX)' -run '$(RUN)'

## bench-large: 100 M rows, with some 8 GiB of memory
bench-large:
	cd benchmarks && $(GO) run . -large -rounds 3 -out ../docs/benchmarks

## bench-memory: 10 M and 100 M rows by the command line within 512 MiB; the
## tables take 1.5 GB of disk, temporary files about as much
bench-memory:
	cd benchmarks && $(GO) run ./memory -shared ../../shared

## bench-page: page and charts again, from the figures of the last run
bench-page:
	cd benchmarks && $(GO) run . -page -out ../docs/benchmarks

## accuracy: docs/accuracy.md, errors beside those of the Google library
accuracy:
	cd benchmarks && $(GO) run ./accuracy -out ../docs

clean:
	rm -rf bin oboro-demo .venv

## capi: the C library, with the functions of oboro.h and no other symbols
CAPI_OUT ?= bin/liboboro.so
capi:
	@mkdir -p $(dir $(CAPI_OUT))
	CGO_ENABLED=1 $(GO) build -trimpath -buildmode=c-shared -ldflags "-s -w -extldflags=-Wl,--version-script=$(CURDIR)/capi/exports.map" -o $(CAPI_OUT) ./capi
	@rm -f $(basename $(CAPI_OUT)).h

## python: the package installed into a fresh virtual environment, its tests,
## Spark where there is Java, and the notebooks
PYTHON ?= python3
python: capi
	@set -e; \
	if ! $(PYTHON) -c 'import sys, venv; assert sys.version_info >= (3, 10)' 2>/dev/null; then \
		echo "python: not tested, $(PYTHON) 3.10 or later with venv is missing"; exit 0; fi; \
	command -v java >/dev/null || echo "python: Spark will not be tested, java 17 or later is missing"; \
	rm -rf .venv; $(PYTHON) -m venv .venv; \
	.venv/bin/pip install -q --disable-pip-version-check -r python/requirements-test.txt; \
	OBORO_LIBRARY=$(CURDIR)/$(CAPI_OUT) .venv/bin/pip install -q --disable-pip-version-check --no-build-isolation ./python; \
	rm -rf python/build python/src/*.egg-info; \
	.venv/bin/python -m pytest -q -rs python/tests; \
	.venv/bin/python -m pytest -q --nbmake --nbmake-timeout=600 examples/notebooks

## bench-compare: micro-benchmarks of this tree and of BASE, built here and run
## in turn, compared by benchstat; BENCH and FOLDERS name fewer of them
BASE ?= HEAD~1
BENCH ?= Encode|Count|Tally|Search|Generalize|Apply|Verify|Laplace|Gaussian|BoundedGroupBy|CSV|Formats|Read
bench-compare:
	GO=$(GO) .ci/bench-compare '$(BASE)' '$(BENCH)' '$(FOLDERS)'
