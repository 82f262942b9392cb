# `make help` prints the targets with their descriptions, the comments after "##". All output goes to build/ and .venv*/.
SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL = help

SECONDS = 20
SEED =
# Not run under AddressSanitizer: tests that do not run the library, and a fork while other threads run. After such a
# fork the allocator of gcc 12's runtime waits for a lock that a thread of the parent held.
ASAN_PYTHON = --ignore=tests/python/test_bench_smoke.py --ignore=tests/python/test_typing.py \
              --deselect=tests/python/test_fork.py::test_fork_while_other_threads_read_and_publish_does_not_deadlock
JAZZY_SAMPLE = tests/ros/test_executors.py tests/ros/test_round_trip.py \
               $(addprefix tests/ros/test_guide.py::, test_other_python_blocks_of_the_guide_run \
                   test_large_message_profile_delivers_every_best_effort_image)
AARCH64_SAMPLE = protocol_threads publish stream_reads windows views waiting fork
DEMO_OPTIONS =
OTHER_PYTHONS = 3.10 3.12 3.13
PYTEST = -m pytest -p no:cacheprovider
BUILD = env --unset=MAKEFLAGS --unset=MAKELEVEL cmake --build --parallel 2
PACKAGE_SOURCES = pyproject.toml CMakeLists.txt python/polymorph_ipc/_core.pyi \
                  $(shell find cmake include src python/ext -type f)

# The environments are made without compiled Python (scripts/make_venv.sh). The first import of a module compiles it.
unexport PYTHONDONTWRITEBYTECODE

# When the machine has none, cmake comes from .venv (scripts/make_venv.sh) and Spin from build/tools (scripts/find_spin.sh).
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/build/tools/usr/bin:$(PATH)

.PHONY: help setup venv demo demo-ros test bench bench-peers fault fault-syscalls models storm soak fuzz asan tsan asan-python \
        aarch64 lint format clean test-c test-python test-ros test-ros-kilted test-ros-jazzy test-ros-jazzy-sample \
        test-examples test-demos test-packaging test-models test-soak test-asan test-tsan test-aarch64 \
        build-dev build-release build-release-tests build-aarch64 $(OTHER_PYTHONS:%=test-python-%)

help: ## print this list
	@echo "make TARGET [VARIABLE=value]"
	@sed -n 's/^\([a-z][a-z0-9 -]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | \
	    while IFS=$$'\t' read -r targets text; do printf '  %-32s %s\n' "$$targets" "$$text"; done

setup: ## make every environment and build that `make test` uses
	@scripts/test.sh --setup

venv: .venv/ready ## make or refresh .venv: the package, editable, and development tools

.venv/ready: $(PACKAGE_SOURCES)
	scripts/make_venv.sh .venv default dev
	touch $@

.venv-ros/ready: $(PACKAGE_SOURCES)
	scripts/make_venv.sh .venv-ros 3.11 ros-test,tools
	touch $@

.venv-jazzy/ready: $(PACKAGE_SOURCES)
	scripts/make_venv.sh .venv-jazzy 3.11 ros-test-jazzy,tools
	touch $@

.venv-demo/ready: $(PACKAGE_SOURCES)
	scripts/make_venv.sh .venv-demo default demo
	touch $@

.venv-demo-ros/ready: $(PACKAGE_SOURCES)
	scripts/make_venv.sh .venv-demo-ros 3.11 demo-ros
	touch $@

# A compiler and pkg-config for tests/packaging, also when the machine has its own.
.venv-packaging/ready: tests/packaging/requirements.txt
	"$$(scripts/find_python.sh default)" -m venv --clear .venv-packaging
	.venv-packaging/bin/python -m pip --disable-pip-version-check install --no-compile --quiet --requirement $<
	touch $@

.venv-%/ready: $(PACKAGE_SOURCES)
	scripts/make_venv.sh .venv-$* $* test
	touch $@

build-dev build-release build-release-tests build-aarch64: build-%: .venv/ready
	cmake --preset $* >/dev/null
	$(BUILD) --preset $*

demo: ## run two producers and a consumer (SECONDS=20, DEMO_OPTIONS="--plain")
	@scripts/demo.sh --seconds $(SECONDS) $(DEMO_OPTIONS)

demo-ros: ## run a ROS 2 camera as a pool, a C loop as /joint_states (SECONDS, DEMO_OPTIONS)
	@scripts/demo_ros.sh --seconds $(SECONDS) $(DEMO_OPTIONS)

test: ## run every suite, lint included (REQUIRE_ALL=1: none may be missing)
	@scripts/test.sh

# Importing numpy starts a thread for each core that spins for a while. No test needs them.
test-%: export OPENBLAS_NUM_THREADS = 1

test-c: build-dev ## run the C tests
	ctest --preset dev

test-python: .venv/ready ## run the Python tests; test-python-3.12 runs them with another Python
	.venv/bin/python $(PYTEST) tests/python

$(OTHER_PYTHONS:%=test-python-%): test-python-%: .venv-%/ready
	.venv-$*/bin/python $(PYTEST) tests/python --ignore=tests/python/test_bench_smoke.py -m "not any_python"

test-ros: test-ros-kilted test-ros-jazzy ## run the ROS 2 tests with Kilted and with Jazzy

# These tests use a real middleware and real networking: a failed test runs once more, which the summary shows. They run in a
# worker process (-n 1): on a busy machine Fast DDS may crash while it destroys a participant
# (SharedMemChannelResource::release), and a test that ends so runs once more too.
ROS_TESTS = -n 1 --reruns 1

test-ros-kilted: .venv-ros/ready build-release
	.venv-ros/bin/python $(PYTEST) $(ROS_TESTS) tests/ros
	.venv-ros/bin/python $(PYTEST) tests/conformance

test-ros-jazzy: .venv-jazzy/ready build-release
	.venv-jazzy/bin/python $(PYTEST) $(ROS_TESTS) tests/ros
	.venv-jazzy/bin/python $(PYTEST) tests/conformance

# The part that `make test` runs.
test-ros-jazzy-sample: .venv-jazzy/ready build-release
	.venv-jazzy/bin/python $(PYTEST) $(ROS_TESTS) $(JAZZY_SAMPLE)

test-examples: build-release ## run the examples
	.venv/bin/python $(PYTEST) tests/examples

test-demos: ## run both demos for three seconds
	scripts/demo.sh --seconds 3 --plain
	scripts/demo_ros.sh --seconds 3 --plain

test-packaging: build-release .venv-packaging/ready ## install the library and the package and use them outside the tree
	tests/packaging/setup.sh .venv/bin/python
	tests/packaging/library_alone.sh
	tests/packaging/clang_musl.sh .venv-packaging/bin/python .venv/bin/python
	tests/packaging/run.sh build/release .venv/bin/python .venv-packaging

test-models: ## run the Promela models of the protocol (needs Spin)
	@scripts/find_spin.sh >/dev/null
	python3 models/check.py spin --jobs 1

models: ## run all models, write models/results.md (GENMC=/path/to/genmc)
	@scripts/find_spin.sh >/dev/null
	python3 models/check.py --write models/results.md

lint: .venv/ready ## check layout, types, spelling and language
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	scripts/format_c.sh --check
	.venv/bin/python scripts/check_language.py
	.venv/bin/codespell
	.venv/bin/mypy --strict python/polymorph_ipc
	MYPYPATH=tests/mutants .venv/bin/mypy --strict models tests/mutants
	MYPYPATH=models:tests/mutants .venv/bin/mypy --strict tests/codegen
	.venv/bin/stubtest polymorph_ipc._core --mypy-config-file pyproject.toml --concise

format: .venv/ready ## lay out the C and Python files
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
	scripts/format_c.sh

fault-syscalls: build-dev ## make each system call of each operation fail with each possible error
	build/dev/tests/fault/syscalls/syscall_faults --every
	ctest --preset dev -R fault.syscalls.mutants

asan tsan: .venv/ready ## run the C tests under AddressSanitizer, or ThreadSanitizer
	cmake --preset $@ >/dev/null
	$(BUILD) --preset $@
	ctest --preset $@

# The parts that `make test` runs: tests that read untrusted bytes under AddressSanitizer, tests with threads under
# ThreadSanitizer.
test-asan: .venv/ready
	cmake --preset asan >/dev/null
	$(BUILD) --preset asan --target untrusted_tests
	ctest --preset asan -L untrusted

test-tsan: .venv/ready
	cmake --preset tsan >/dev/null
	$(BUILD) --preset tsan --target threaded_tests
	ctest --preset tsan -L threads

storm: build-release-tests ## kill twenty processes at random, then audit (SECONDS=600, SEED=7)
	build/release-tests/tests/storm/storm --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

fault: build-release-tests ## kill a process at every instruction of every operation; run mutants
	$(BUILD) --preset release-tests --target fault_mutants
	build/release-tests/tests/fault/steps/fault_steps --all --jobs 2

fuzz: ## run each fuzzer with two seeds (SECONDS=60 each; needs clang)
	@scripts/fuzz.sh $(if $(filter command line,$(origin SECONDS)),$(SECONDS),60)

soak: build-release-tests ## run processes whose memory and files must not grow (SECONDS=36000)
	.venv/bin/python tests/soak/soak.py build/release-tests/tests/soak/soak_member --seconds $(SECONDS)

test-soak: build-dev
	.venv/bin/python tests/soak/soak.py build/dev/tests/soak/soak_member --self-test
	.venv/bin/python tests/soak/soak.py build/dev/tests/soak/soak_member --seconds 120 --pace 30000

# Prints the tests that are not run under the emulator, with the reason.
aarch64: build-aarch64 ## run the C tests as 64-bit ARM code under qemu-user
	ctest --preset aarch64 --parallel 2
	@sed -n '/left out:/p' build/aarch64/Testing/Temporary/LastTest.log
	ctest --preset aarch64-64k --parallel 2

# The check of memory orders in compiled code, and a sample of the tests with threads and processes.
test-aarch64: .venv/ready ## run a sample of `make aarch64`
	cmake --preset aarch64 >/dev/null
	$(BUILD) --preset aarch64 --target $(AARCH64_SAMPLE:%=unit_%)
	ctest --preset aarch64 --parallel 2 -R '^(codegen|unit\.($(subst $() $(),|,$(AARCH64_SAMPLE))))$$'

# The extension and the library in it are instrumented; the interpreter is not. Leaks are not detected, since CPython and
# numpy leak: test_killed_processes.py and tests/soak count the library's. SIGSEGV and SIGBUS are left to explain_faults.
.venv-asan/ready: $(PACKAGE_SOURCES)
	CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1" \
	    SKBUILD_BUILD_DIR=build/python-asan SKBUILD_CMAKE_BUILD_TYPE=Debug scripts/make_venv.sh .venv-asan 3.12 test
	touch $@

asan-python: .venv-asan/ready ## run the Python tests under AddressSanitizer
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so)" PYTHONMALLOC=malloc \
	    ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_segv=0:handle_sigbus=0 UBSAN_OPTIONS=print_stacktrace=1 \
	    .venv-asan/bin/python $(PYTEST) tests/python $(ASAN_PYTHON)

bench: build-release ## run the benchmarks and write docs/benchmarks.md
	.venv/bin/python bench/run.py $(BENCH_OPTIONS)

.venv-peers/ready: $(PACKAGE_SOURCES) bench/peers/requirements.txt
	scripts/make_venv.sh .venv-peers default dev
	.venv-peers/bin/python -m pip --disable-pip-version-check install --quiet --requirement bench/peers/requirements.txt
	touch $@

bench-peers: build-release .venv-peers/ready ## run the benchmarks beside other libraries
	.venv-peers/bin/python bench/run.py $(BENCH_OPTIONS)

clean: ## remove build/, .venv*/ and dist/
	rm -rf build .venv .venv-* dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
