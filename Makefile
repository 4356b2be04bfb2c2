# The two commands: `make demo` (install, build, train the demo) and `make test` (install, build, run the tests).
# Behind them stand CMake presets (CMakePresets.json); each builds in build/<preset>. `make help` lists the targets.
.DEFAULT_GOAL := release
MAKEFLAGS += --no-print-directory
SHELL := bash
.SHELLFLAGS := -eo pipefail -c

# Data sets lie beside the project where it is developed; elsewhere the program's own places are searched.
ifndef MIXENT_DATA
ifneq ($(wildcard ../shared/data/.),)
export MIXENT_DATA := $(abspath ../shared/data)
endif
endif
PYTHON := /usr/bin/python3
sources = $(shell git ls-files -co --exclude-standard -- '*.c' '*.h')

.PHONY: release debug asan tsan demo test test-long test-asan test-tsan test-memory fuzz bench-train install format \
        check-format tidy dependencies clean help

## release        the program, at build/release/mixent (this is what plain `make` does)
release:
	@tools/build release

## demo           installs what is missing, builds, trains the demo (at most 5 minutes on two cores)
demo:
	@tools/install-dependencies demo
	@tools/build release mixent_program
	build/release/mixent demo

## test           installs what is missing, builds, runs the tests
test:
	@tools/install-dependencies test
	@tools/build release
	@tools/run-tests release

## test-long      the tests that take long (many kills, fuzzing), valgrind and the sanitizers
test-long:
	@tools/install-dependencies test memory
	@tools/build release
	tools/run-tests --long release
	@$(MAKE) test-memory test-asan test-tsan fuzz

## asan, tsan, debug   the build with address and undefined, with thread sanitizer, for a debugger
debug:
	@tools/build debug
asan:
	@tools/build asan-ubsan
tsan:
	@tools/build tsan

## test-asan, test-tsan, test-memory   the unit tests with sanitizers, under valgrind
test-asan: asan
	tools/run-tests --unit asan-ubsan
test-tsan: tsan
	setarch --addr-no-randomize tools/run-tests --unit tsan
# Valgrind knows no AVX-512 and cannot take in the long blocks that oneDNN writes for AVX2, so oneDNN does without both.
test-memory:
	@tools/install-dependencies test memory
	@tools/build release
	DNNL_MAX_CPU_ISA=SSE41 tools/run-tests --valgrind release

## fuzz           every fuzzer of tests/fuzz for FUZZ_SECONDS (60); what it finds lies in build/fuzz/found
FUZZ_SECONDS ?= 60
fuzz:
	@tools/install-dependencies fuzz
	@tools/build fuzz
	@for fuzzer in build/fuzz/tests/fuzz/fuzz_*; do name=$${fuzzer##*fuzz_}; echo "== $$name"; \
	  mkdir -p build/fuzz/found build/fuzz/corpus/$$name; \
	  OMP_NUM_THREADS=1 $$fuzzer -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -timeout=10 -verbosity=0 \
	    -print_final_stats=1 -artifact_prefix=build/fuzz/found/ build/fuzz/corpus/$$name \
	    $$(ls -d tests/fuzz/seeds/$$name 2>/dev/null) 2>&1 | grep -v '^#\|^"\|NEW_FUNC'; done

## bench-train    vgg5 training speed beside PyTorch's, installing it if missing
bench-train:
	@tools/install-dependencies bench
	@tools/build release
	$(PYTHON) bench/train.py --program build/release/bench/bench_train

## install        the program, library and headers (PREFIX, DESTDIR)
install: release
	cmake --install build/release $(if $(PREFIX),--prefix "$(PREFIX)")

## format, check-format   lays out the sources, or says which are not (clang-format)
format:
	clang-format -i $(sources)
check-format:
	clang-format --dry-run --Werror $(sources)

## tidy           clang-tidy over the sources
tidy:
	@tools/build --configure release
	@tools/tidy build/release

## dependencies   installs the packages to build with
dependencies:
	@tools/install-dependencies build

## clean          removes build/
clean:
	rm -rf build

help:
	@sed -n 's/^## /  make /p' Makefile
