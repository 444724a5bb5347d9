# muster: build, try, test. Needs Rust, Python 3 and make; everything else is fetched into this folder.
#
#   make                 the extension, the default embedding model and the Python environments
#   make demo            estimates of the sample study in the DuckDB CLI, and what building and all took
#   make demo-keywords   words of its CVs that tell experts from others, and filters made of them
#   make demo-llm        annotation of its CVs by three language models, played by a local server
#   make study           the whole study of the sample, from files to a page with tables and pictures, in build/study
#   make dbt             the study as a dbt project, on the sample with that server
#   make test            all tests
#   make lint            format, clippy, circles between modules, retired words, licences
#   make bench           all of the following; an hour
#   make bench-estimates   speed beside a numpy program, and calibration, written to docs/
#   make bench-fields      coverage on real labels of some fifty other fields, written to docs/
#   make bench-embed       embeddings beside sentence-transformers and onnxruntime
#   make bench-keywords    keybert_keywords beside KeyBERT
#   make bench-filter      keyword_filter beside regexp_matches; planted keywords found again
#   make bench-cluster     clusters of 5,000, 20,000 and 100,000 points, exact and approximate
#   make bench-soak        10,000 mixed statements over 16 connections: results, errors and memory
#   make bench-llm         llm_annotate over a server of known speed: throughput, limits, store, a killed run
#   make fuzz MINUTES=10   the property tests with new seeds until the minutes are over
#   make sanitize       the engine's tests under the address sanitizer, a quarter of an hour; x86-64 Linux
#   make compare         muster beside its peers from PyPI, half an hour, written to docs/
#   make docs            the generated reference
#   make models          the default embedding model, into .models
#   make test-spark      the study in Spark and in plain processes; needs Java 17 or later (Debian: default-jre-headless)
#   make cuda            the extension for NVIDIA cards of compute capability 9.0; test-cuda, bench-cuda try it
#   make wheel           the Python package with the extension inside, into build/wheel
#   make description     what the community repository wants to know, into build/description.yml
#   make build QUICK=1   the extension into build/quick, again in seconds after a change of a line; so with test-engine
#   make package         the extension optimised at link time, with its checksum
#   make clean           what was built

EXTENSION := build/$(if $(QUICK),quick,release)/muster.duckdb_extension
VERSION := v$(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
LIBRARY := $(if $(filter Darwin,$(shell uname)),libmuster.dylib,libmuster.so)
SOURCES := Cargo.toml Cargo.lock build.rs $(shell find src -type f) $(wildcard sql/*.sql data/*.csv)
MOCK := target/release/mock_llm
CARGO := cargo
PYTHON := python3
# there is a package of the client for 1.5.6 only, so it goes with the environment of that version
CLI := .venv-1.5/bin/duckdb -unsigned

# A developer's rebuild in seconds. Libraries are those of the usual build, muster is compiled by itself and runs slower.
ifdef QUICK
export CARGO_INCREMENTAL := 1
export RUSTC_WORKSPACE_WRAPPER := $(abspath scripts/quick_rustc.sh)
endif

# a Python environment with the packages of the requirements that its target waits for
define environment
$(PYTHON) -m venv --clear $(@D)
$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
touch $@
endef

.PHONY: all build models demo estimates demo-keywords demo-llm study example-report dbt test test-engine test-sql test-llm test-study test-dbt test-docs test-clients test-r test-spark test-wheel lint bench bench-estimates bench-fields \
	bench-embed bench-keywords bench-filter bench-cluster bench-llm bench-soak fuzz sanitize compare cuda test-cuda bench-cuda docs wheel description package clean \
	configure configure_ci debug release test_debug test_release set_duckdb_version set_duckdb_tag output_distribution_matrix

all: build models .venv/ready .venv-1.5/ready

build: $(EXTENSION)

$(EXTENSION): $(SOURCES) scripts/stamp.py
	$(CARGO) build --release --locked
	$(PYTHON) scripts/stamp.py target/release/$(LIBRARY) $@ --version $(VERSION)

# the language models of the tests; built with the extension, so that what both need is compiled once
$(MOCK): $(wildcard test/mock_llm/src/*.rs test/mock_llm/src/*/*.rs) test/mock_llm/Cargo.toml
	$(CARGO) build --release --locked
	touch $@

.venv/ready: scripts/requirements.txt
	$(environment)

.venv-1.5/ready: scripts/requirements-1.5.txt
	$(environment)

# cheap where the model is there: two hashes
models:
	@$(PYTHON) scripts/models.py

demo:
	@$(PYTHON) scripts/timed.py $(MAKE) --no-print-directory estimates

estimates: all
	@$(CLI) -cmd "LOAD '$(EXTENSION)'" < sql/demo/estimate.sql

demo-keywords: all
	@$(CLI) -cmd "LOAD '$(EXTENSION)'" < sql/demo/keywords.sql

# no key and no provider: the server of the tests answers
demo-llm: all $(MOCK)
	@.venv/bin/python test/mock.py $(CLI) -cmd "LOAD '$(EXTENSION)'" < sql/demo/annotate.sql

# a second run computes what has changed; `make study FORCE=clustering` that step too
study: all $(MOCK)
	@mkdir -p build/study/report
	@.venv/bin/python test/mock.py --port 8719 --store build/study/store.sqlite $(CLI) build/study/study.db -cmd "LOAD '$(EXTENSION)'" \
		-cmd "SET VARIABLE report = 'build/study/report'; SET VARIABLE force = '$(FORCE)'" < sql/pipeline/all.sql

# docs/example_report is the page of the sample as it is now; the plots are drawn anew, whose code has no version of its own
example-report:
	@$(MAKE) --no-print-directory study FORCE=report
	@mkdir -p docs/example_report
	cp build/study/report/index.html build/study/report/*.svg docs/example_report/

.venv-dbt/ready: examples/dbt/requirements.txt
	$(environment)

# the answers are those of the server of the tests
dbt: all $(MOCK) .venv-dbt/ready
	mkdir -p build/dbt
	cd examples/dbt && MUSTER_STUDY=../../build/dbt/study.duckdb MUSTER_MODEL_DIR=../../.models \
		../../.venv/bin/python ../../test/mock.py ../../.venv-dbt/bin/dbt build

test: lint test-engine all test-sql test-llm test-study test-dbt test-docs test-clients test-wheel

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --all-targets --locked -- -D warnings
	$(PYTHON) scripts/modules.py --check
	$(PYTHON) test/test_words.py
	$(PYTHON) scripts/notices.py --check

# dev-dependencies and the extension share one profile and one compilation of what they both need
# property tests draw the same inputs in every run; PROPTEST_RNG_SEED=2 make test-engine tries others
test-engine: models
	PROPTEST_RNG_SEED=$${PROPTEST_RNG_SEED:-1} $(CARGO) test --release --locked

test-sql: all $(MOCK)
	.venv/bin/python test/test_run_sql.py
	.venv/bin/python test/test_texts.py
	$(PYTHON) test/on_both.py test/run_sql.py --extension $(EXTENSION)
	$(PYTHON) test/on_both.py test/test_hub.py --extension $(EXTENSION)
	$(PYTHON) test/on_both.py test/test_python.py --extension $(EXTENSION)
	.venv/bin/python test/test_stopping.py --extension $(EXTENSION)
	.venv/bin/python test/test_progress.py --extension $(EXTENSION)
	.venv/bin/python benches/soak.py --extension $(EXTENSION) --statements 300

test-llm: all $(MOCK)
	$(PYTHON) test/on_both.py test/test_llm.py --extension $(EXTENSION)
	.venv/bin/python test/test_store.py --extension $(EXTENSION)

test-study: all $(MOCK)
	$(PYTHON) test/on_both.py test/test_study.py --extension $(EXTENSION)

test-dbt: all $(MOCK) .venv-dbt/ready
	.venv-dbt/bin/python test/test_dbt.py --extension $(EXTENSION)

wheel: build
	$(PYTHON) scripts/wheel.py --extension $(EXTENSION)

# WHEEL_PYTHON=python3.12 tries another Python
test-wheel: wheel models
	$(PYTHON) test/test_wheel.py --wheel build/wheel/muster-*.whl --python $(or $(WHEEL_PYTHON),$(PYTHON))

test-docs: all $(MOCK)
	.venv/bin/python scripts/docs.py --extension $(EXTENSION) --check
	.venv/bin/python test/test_readme.py
	$(PYTHON) test/on_both.py test/test_troubleshooting.py --extension $(EXTENSION)

# Node's package of DuckDB; npm comes with Node
.node/ready: test/clients/package.json
	@command -v npm > /dev/null || { echo 'npm is missing: make test-clients needs Node.js'; exit 1; }
	mkdir -p .node
	cp test/clients/package.json .node/
	npm install --prefix .node --no-audit --no-fund --no-package-lock
	touch $@

test-clients: all .node/ready
	.venv/bin/python test/test_clients.py --extension $(EXTENSION)

# where R and its package duckdb are; not part of `make test`
test-r: all
	@command -v Rscript > /dev/null || { echo 'Rscript is missing: make test-r needs R with the package duckdb'; exit 1; }
	Rscript examples/r/study.R $(EXTENSION)

# PySpark brings Spark but no Java
.venv-spark/ready: examples/spark/requirements.txt
	$(environment)

# not part of `make test`: Java, and half a gigabyte of Spark
test-spark: all $(MOCK) .venv-spark/ready
	@command -v java > /dev/null || { echo 'java is missing: make test-spark needs Java 17 or later (Debian: default-jre-headless)'; exit 1; }
	.venv-spark/bin/python test/test_spark.py --extension $(EXTENSION)

# the peer of the speed bench is a plain numpy and scipy program
.venv-bench/ready: benches/requirements.txt
	$(environment)

bench: bench-estimates bench-fields bench-embed bench-keywords bench-filter bench-cluster bench-llm bench-soak

bench-estimates: all .venv-bench/ready
	$(CARGO) bench --locked --bench speed -- --peer .venv-bench/bin/python
	.venv/bin/python benches/sql.py --extension $(EXTENSION)
	.venv/bin/python benches/annotators.py --extension $(EXTENSION)
	$(CARGO) bench --locked --bench calibration
	$(CARGO) bench --locked --bench diagnostics

bench-llm: all $(MOCK)
	.venv/bin/python benches/llm.py --extension $(EXTENSION)
	.venv/bin/python test/test_store.py --extension $(EXTENSION) --kills 100 Kills

.venv-fields/ready: benches/requirements-fields.txt
	$(environment)

bench-fields: build .venv-fields/ready
	.venv-fields/bin/python benches/fields.py --extension $(EXTENSION)

bench-soak: all $(MOCK)
	.venv/bin/python benches/soak.py --extension $(EXTENSION)

MINUTES := 10
fuzz: models
	$(PYTHON) scripts/fuzz.py --minutes $(MINUTES) "$$($(CARGO) test --release --locked --lib --no-run --message-format=json -p muster \
		| sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')"

# never in CI: the peers bring torch
.venv-embed/ready: benches/requirements-embed.txt
	$(environment)

bench-embed: all .venv-embed/ready
	.venv-embed/bin/python benches/embed.py --extension $(EXTENSION)
	.venv-embed/bin/python benches/embed_static.py --extension $(EXTENSION)

bench-keywords: all .venv-embed/ready
	$(CARGO) bench --locked --bench keywords
	.venv-embed/bin/python benches/keybert_keywords.py --extension $(EXTENSION)
	.venv/bin/python benches/keybert_keywords.py --extension $(EXTENSION) --memory 10000

CUDA := build/cuda/toolkit
CUDA_EXTENSION := build/cuda/muster.duckdb_extension
CUDA_ENVIRONMENT = CUDA_HOME=$(abspath $(CUDA)) CUDA_PATH=$(abspath $(CUDA)) NVCC=$(abspath $(CUDA))/bin/nvcc CUDA_COMPUTE_CAP=90 \
	PATH=$(abspath $(CUDA))/bin:$$PATH LIBRARY_PATH=$(abspath $(CUDA))/lib:$(abspath $(CUDA))/lib/stubs

# builds on a machine without a card; the file loads where the libraries of CUDA 13 and the driver are
cuda:
	$(PYTHON) scripts/cuda.py $(CUDA)
	$(CUDA_ENVIRONMENT) $(CARGO) build --release --locked --features cuda --target-dir build/cuda/target
	$(PYTHON) scripts/stamp.py build/cuda/target/release/$(LIBRARY) $(CUDA_EXTENSION) --version $(VERSION)

test-cuda bench-cuda: models .venv/ready
	LD_LIBRARY_PATH=$(abspath $(CUDA))/lib:$$LD_LIBRARY_PATH .venv/bin/python test/cuda.py --extension $(CUDA_EXTENSION) $(if $(filter bench%,$@),--bench)

bench-filter: all
	$(CARGO) bench --locked --bench filter
	.venv/bin/python benches/filter.py --extension $(EXTENSION)
	.venv/bin/python benches/planted.py --extension $(EXTENSION)

bench-cluster:
	for points in 5000 20000 100000; do POINTS=$$points $(CARGO) bench --locked --bench cluster; done

.venv-compare/ready: benches/requirements-compare.txt
	$(environment)

# a sanitizer of the compiler's that stable releases have behind a variable; the thread sanitizer wants a standard library of its own
sanitize: models
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address $(CARGO) test --release --locked --lib \
	    --target x86_64-unknown-linux-gnu --target-dir target/sanitize

# never in CI: the peers are large, and the page is about one machine
compare: build .venv-compare/ready
	.venv-compare/bin/python benches/compare.py --extension $(EXTENSION)

docs: all $(MOCK)
	.venv/bin/python scripts/docs.py --extension $(EXTENSION)

package:
	$(CARGO) build --profile dist --locked
	$(PYTHON) scripts/stamp.py target/dist/$(LIBRARY) build/dist/muster.duckdb_extension --version $(VERSION)
	cd build/dist && sha256sum muster.duckdb_extension > muster.duckdb_extension.sha256

# The repository of community extensions. Its workflow calls these targets, with DUCKDB_PLATFORM set, and takes the extension from
# build/<kind>/extension/muster. The interface of extensions in C is stable, so no source of DuckDB is needed for a version of it.
BUILT = target/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)
PRODUCT := $(if $(filter Windows_NT,$(OS)),muster.dll,$(LIBRARY))
STAMP = $(PYTHON) scripts/stamp.py $(BUILT)$@/$(PRODUCT) build/$@/extension/muster/muster.duckdb_extension --version $(VERSION) \
	$(if $(DUCKDB_PLATFORM),--platform $(DUCKDB_PLATFORM))

# on macOS the workflow names the architecture by a variable of its own
ifneq ($(OSX_BUILD_ARCH),)
export CARGO_BUILD_TARGET := $(if $(filter arm64,$(OSX_BUILD_ARCH)),aarch64,x86_64)-apple-darwin
endif

set_duckdb_version set_duckdb_tag:
	@:

# On Linux the workflow calls it outside of its container first: the folder is then that user's, who tests there, and not the container's.
configure configure_ci:
	@mkdir -p build

debug:
	$(CARGO) build --locked --package muster
	$(STAMP)

release:
	$(CARGO) build --release --locked --package muster
	$(STAMP)

# SQL tests that need neither a model nor the server of the tests
ALONE = $(shell grep -LE "embed|keybert|cluster|study|llm_" test/sql/*.test)
TESTER := build/venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)/python

# in the container of the workflow there is no Python package of DuckDB: its call outside of it tests what was built inside
test_debug test_release: test_%:
	@if [ "$(LINUX_CI_IN_DOCKER)" = 1 ]; then echo "tested outside of the container"; else \
		$(PYTHON) -m venv build/venv && $(TESTER) -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt && \
		$(TESTER) test/run_sql.py --extension build/$*/extension/muster/muster.duckdb_extension $(ALONE); fi

output_distribution_matrix:
	@cat extension-ci-tools/config/distribution_matrix.json

# make description REPOSITORY=owner/muster MAINTAINER=owner
description:
	@test -n "$(REPOSITORY)" -a -n "$(MAINTAINER)" || { echo "make description: REPOSITORY=owner/name and MAINTAINER=name are needed"; exit 1; }
	@mkdir -p build
	sed -e 1d -e 's|@REPOSITORY@|$(REPOSITORY)|; s|@MAINTAINER@|$(MAINTAINER)|; s|@VERSION@|$(VERSION:v%=%)|' \
		-e "s|@REF@|$$(git rev-parse HEAD)|" extension_config/description.yml > build/description.yml

clean:
	rm -rf target build .venv .venv-1.5 .venv-bench .venv-compare .venv-dbt .venv-embed .venv-spark .node
