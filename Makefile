# Everything here does its own set-up: a fresh machine needs Python 3.11, Node 20 and make (and Chromium, which
# Debian's apt-get installs here where there is none).

PYTHON ?= python3.11
VENV := .venv
STAMP := $(VENV)/.installed
WORKERS ?= 2
PYTEST := $(VENV)/bin/pytest -q --numprocesses $(WORKERS) --dist loadfile
FUZZ_EXAMPLES ?= 500
SOAK_SECONDS ?= 300
POWER_CUTS ?= 10000
CRASH_MINUTES ?= 10
CRASH_SEED ?= 1
PROOF_MINUTES ?= 60
NODE_CLIENTS := clients/node_modules/.stamp
CHROMIUM ?= /usr/bin/chromium
DASHBOARD := rpcserver/dashboard/index.html
DASHBOARD_SOURCES := $(shell find clients/dashboard clients/typescript/src -type f \
	-not -path "*/node_modules/*" -not -path "*/tests/*" -not -path "*/browser/*" -not -path "*/test-results/*")
WSCAT := tests/acceptance/node_modules/.stamp

.PHONY: demo test check generate unit clients dashboard browser acceptance benchmark fuzz soak powercut crashes proof lock clean

demo: $(STAMP) $(DASHBOARD) ## Start the server, flatten a portfolio before your eyes, print the proof, show the dashboard
	$(VENV)/bin/rpcserver demo

test: check unit clients acceptance browser ## Everything that CI checks

check: $(STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/rpcserver schema --check

generate: $(STAMP) ## Write the JSON Schemas, the AsyncAPI document and the TypeScript types anew
	$(VENV)/bin/rpcserver schema

unit: $(STAMP)
	$(PYTEST) --ignore=tests/acceptance

clients: $(STAMP) $(NODE_CLIENTS) ## Check and test the TypeScript client and the dashboard, bundle the client
	cd clients/typescript && npm run --silent check
	cd clients/typescript && npm run --silent test
	cd clients/typescript && npm run --silent build
	cd clients/dashboard && npm run --silent check
	cd clients/dashboard && npm run --silent test

dashboard: $(DASHBOARD) ## Build the page that the server shows at /

browser: $(STAMP) $(DASHBOARD) $(CHROMIUM) ## Test the dashboard in a real browser, against real servers
	cd clients/dashboard && CHROMIUM=$(CHROMIUM) npm run --silent test:browser

acceptance: $(STAMP) $(WSCAT) $(DASHBOARD)
	$(PYTEST) tests/acceptance

benchmark: $(STAMP) $(DASHBOARD) ## Print closes/s and what one costs, beside a bare echo in the same run; what watching is like; frames/s of the dashboard
	$(VENV)/bin/python -m tests.benchmarks.closing
	$(VENV)/bin/python -m tests.benchmarks.watching
	cd clients && npm run --silent --workspace dashboard bench

fuzz: $(STAMP) ## Say anything at all to the server (FUZZ_EXAMPLES times), run every Autobahn case
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(VENV)/bin/pytest -q tests/fuzz
	$(VENV)/bin/python -m tests.fuzz.conformance

soak: $(STAMP) ## Connections come and go for SOAK_SECONDS; fails if memory grows or an answer is missing
	$(VENV)/bin/python -m tests.benchmarks.soak --seconds $(SOAK_SECONDS)

powercut: $(STAMP) ## Cut the power of the journal's disk POWER_CUTS times; fails if anything acknowledged is lost
	POWER_CUTS=$(POWER_CUTS) $(VENV)/bin/pytest -q --timeout 0 tests/journal/test_power_cut.py

crashes: $(STAMP) ## kill -9 for CRASH_MINUTES; fails if a position is closed twice, lost or flipped
	$(VENV)/bin/python -m tests.acceptance.crash_loop --minutes $(CRASH_MINUTES) --seed $(CRASH_SEED)
	for visit in 2 3; do \
		FAILPOINT_VISIT=$$visit $(VENV)/bin/pytest -q tests/acceptance/test_failpoints.py || exit 1; done

proof: $(STAMP) ## The long part in PROOF_MINUTES: worlds from fresh seeds, planted faults, fuzzing, soak, crashes; one table
	$(VENV)/bin/python -m tests.proof --minutes $(PROOF_MINUTES)

lock: $(STAMP) ## Pin every dependency anew
	$(VENV)/bin/python -m piptools compile --quiet --extra dev --generate-hashes --strip-extras \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --allow-unsafe \
		--output-file requirements.lock pyproject.toml

$(STAMP): pyproject.toml requirements.lock
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(NODE_CLIENTS): clients/package.json clients/package-lock.json clients/typescript/package.json clients/dashboard/package.json
	cd clients && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-audit --no-fund
	touch $@

$(DASHBOARD): $(NODE_CLIENTS) $(DASHBOARD_SOURCES)
	cd clients && npm run --silent --workspace dashboard build

$(CHROMIUM): # Debian's: the tests' own runner downloads none
	@echo "There is no browser at $@: installing Debian's chromium."
	@command -v apt-get > /dev/null || { echo "No apt-get here: install Chromium, and say where it is: make browser CHROMIUM=/path/to/chromium"; exit 1; }
	@if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi; \
		$$as_root apt-get update -qq && \
		$$as_root apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core || { \
		echo "It could not be installed: run this as root, install Chromium yourself, or say where it is: make browser CHROMIUM=/path/to/chromium"; exit 1; }
	@test -x $@ || { echo "Debian's chromium is installed, and there is none at $@: say where it is: make browser CHROMIUM=/path/to/chromium"; exit 1; }

$(WSCAT): tests/acceptance/package.json tests/acceptance/package-lock.json
	cd tests/acceptance && npm ci --silent --no-audit --no-fund
	touch $@

clean:
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/acceptance/node_modules clients/node_modules clients/typescript/dist clients/dashboard/test-results rpcserver/dashboard
