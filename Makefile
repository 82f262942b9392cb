# One word for each thing a developer does. What is made lives in build/ and .venv*/; nothing else is touched.
#   make demo [SECONDS=20] [DEMO_OPTIONS="--plain"]    two producers, a consumer, a killed camera
#   make demo-ros [SECONDS=20] [DEMO_OPTIONS=...]      a ROS 2 camera as a pool, a C loop as /joint_states
#   make test      everything: C, Python 3.10 to 3.13, ROS, examples, packaging, lint
#   make bench     the benchmarks, into docs/benchmarks.md
#   make bench-peers   the same beside other libraries, which go into an environment of their own
#   make fault     kill somebody at every instruction of every operation; mutants of the library must be caught at it
#   make fault-syscalls   each system call of each operation made to fail, with every error it may give
#   make models    the protocol under model checkers, into models/results.md (GenMC if it is here: GENMC=/path/to/genmc)
#   make storm [SECONDS=600] [SEED=7]   twenty processes, killed at random, and an audit: tests/storm
#   make soak [SECONDS=36000]   a few processes that must not grow: tests/soak
#   make fuzz [SECONDS=60]   every fuzzer for so long, with two seeds (needs clang)
#   make asan tsan asan-python   the tests under sanitizers; `make test` has some of them
#   make aarch64 test-aarch64   the C tests as 64-bit ARM code under qemu-user, with pages of 4 KB and of 64 KB; some of them
#   make lint format venv clean
SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

SECONDS = 20
SEED =
# Not under AddressSanitizer: what does not run the library, and forks among threads, after which the allocator of gcc 12's
# runtime waits for a lock that a thread of the parent had.
ASAN_PYTHON = --ignore=tests/python/test_bench_smoke.py --ignore=tests/python/test_typing.py \
              --deselect=tests/python/test_fork.py::test_fork_while_other_threads_read_and_publish_deadlocks_nobody
JAZZY_SAMPLE = tests/ros/test_executors.py tests/ros/test_round_trip.py \
               $(addprefix tests/ros/test_guide.py::, test_every_other_block_of_python_runs \
                   test_the_large_message_profile_brings_every_best_effort_image)
AARCH64_SAMPLE = protocol_threads publish stream_reads windows views waiting fork
DEMO_OPTIONS =
OTHER_PYTHONS = 3.10 3.12 3.13
PYTEST = -m pytest -p no:cacheprovider
BUILD = env --unset=MAKEFLAGS --unset=MAKELEVEL cmake --build --parallel 2
PACKAGE_SOURCES = pyproject.toml CMakeLists.txt python/polymorph_ipc/_core.pyi \
                  $(shell find cmake include src python/ext -type f)

# The environments are made without compiled Python (see scripts/make_venv.sh), so whoever imports a module first leaves it.
unexport PYTHONDONTWRITEBYTECODE

# Tools from .venv are found first: cmake comes from there when the machine has none.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo demo-ros test bench bench-peers fault fault-syscalls models storm soak fuzz asan tsan asan-python aarch64 lint format \
        venv clean test-c test-python test-ros test-ros-kilted test-ros-jazzy test-ros-jazzy-sample test-examples test-demos \
        test-packaging test-models test-soak test-asan test-tsan test-aarch64 \
        build-dev build-release build-release-tests build-aarch64 $(OTHER_PYTHONS:%=test-python-%)

venv: .venv/ready

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

# Compilers and pkg-config for tests/packaging, whatever of them the machine has.
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

demo:
	@scripts/demo.sh --seconds $(SECONDS) $(DEMO_OPTIONS)

demo-ros:
	@scripts/demo_ros.sh --seconds $(SECONDS) $(DEMO_OPTIONS)

test:
	@scripts/test.sh

# Importing numpy starts a thread for each core that spins for a while; no test has a use for them.
test-%: export OPENBLAS_NUM_THREADS = 1

test-c: build-dev
	ctest --preset dev

test-python: .venv/ready
	.venv/bin/python $(PYTEST) tests/python

$(OTHER_PYTHONS:%=test-python-%): test-python-%: .venv-%/ready
	.venv-$*/bin/python $(PYTEST) tests/python --ignore=tests/python/test_bench_smoke.py -m "not any_python"

test-ros: test-ros-kilted test-ros-jazzy

# Real middleware, real networking: one more try, which the summary shows. In a worker (-n 1): on a busy machine Fast DDS may crash
# while it destroys a participant (SharedMemChannelResource::release), and that is tried again too.
ROS_TESTS = -n 1 --reruns 1

test-ros-kilted: .venv-ros/ready build-release
	.venv-ros/bin/python $(PYTEST) $(ROS_TESTS) tests/ros
	.venv-ros/bin/python $(PYTEST) tests/conformance

test-ros-jazzy: .venv-jazzy/ready build-release
	.venv-jazzy/bin/python $(PYTEST) $(ROS_TESTS) tests/ros
	.venv-jazzy/bin/python $(PYTEST) tests/conformance

# What `make test` runs of it.
test-ros-jazzy-sample: .venv-jazzy/ready build-release
	.venv-jazzy/bin/python $(PYTEST) $(ROS_TESTS) $(JAZZY_SAMPLE)

test-examples: build-release
	.venv/bin/python $(PYTEST) tests/examples

# The README's first two commands, as short as they can be.
test-demos:
	scripts/demo.sh --seconds 3 --plain
	scripts/demo_ros.sh --seconds 3 --plain

test-packaging: build-release .venv-packaging/ready
	tests/packaging/setup.sh .venv/bin/python
	tests/packaging/library_alone.sh
	tests/packaging/clang_musl.sh .venv-packaging/bin/python .venv/bin/python
	tests/packaging/run.sh build/release .venv/bin/python .venv-packaging

test-models:
	python3 models/check.py spin --jobs 1

models:
	python3 models/check.py --write models/results.md

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	scripts/format_c.sh --check
	.venv/bin/python scripts/check_language.py
	.venv/bin/codespell
	.venv/bin/mypy --strict python/polymorph_ipc
	MYPYPATH=tests/mutants .venv/bin/mypy --strict models tests/mutants
	MYPYPATH=models:tests/mutants .venv/bin/mypy --strict tests/codegen
	.venv/bin/stubtest polymorph_ipc._core --mypy-config-file pyproject.toml --concise

format: .venv/ready
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
	scripts/format_c.sh

fault-syscalls: build-dev
	build/dev/tests/fault/syscalls/syscall_faults --every
	ctest --preset dev -R fault.syscalls.mutants

asan tsan: .venv/ready
	cmake --preset $@ >/dev/null
	$(BUILD) --preset $@
	ctest --preset $@

# What `make test` has of them: what is fed with bytes that nobody vouches for, and what has threads.
test-asan: .venv/ready
	cmake --preset asan >/dev/null
	$(BUILD) --preset asan --target untrusted_tests
	ctest --preset asan -L untrusted

test-tsan: .venv/ready
	cmake --preset tsan >/dev/null
	$(BUILD) --preset tsan --target threaded_tests
	ctest --preset tsan -L threads

storm: build-release-tests
	build/release-tests/tests/storm/storm --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

fault: build-release-tests
	$(BUILD) --preset release-tests --target fault_mutants
	build/release-tests/tests/fault/steps/fault_steps --all --jobs 2

fuzz:
	@scripts/fuzz.sh $(if $(filter command line,$(origin SECONDS)),$(SECONDS),60)

soak: build-release-tests
	.venv/bin/python tests/soak/soak.py build/release-tests/tests/soak/soak_member --seconds $(SECONDS)

test-soak: build-dev
	.venv/bin/python tests/soak/soak.py build/dev/tests/soak/soak_member --self-test
	.venv/bin/python tests/soak/soak.py build/dev/tests/soak/soak_member --seconds 120 --pace 30000

# What is left out there, and why, is told in between.
aarch64: build-aarch64
	ctest --preset aarch64 --parallel 2
	@sed -n '/left out:/p' build/aarch64/Testing/Temporary/LastTest.log
	ctest --preset aarch64-64k --parallel 2

# What compiled code has of the protocol's orders, and some tests in which threads and processes meet.
test-aarch64: .venv/ready
	cmake --preset aarch64 >/dev/null
	$(BUILD) --preset aarch64 --target $(AARCH64_SAMPLE:%=unit_%)
	ctest --preset aarch64 --parallel 2 -R '^(codegen|unit\.($(subst $() $(),|,$(AARCH64_SAMPLE))))$$'

# The extension and the library in it, instrumented, under an interpreter that is not. Leaks of CPython and numpy are theirs;
# ours have tests that count (test_sudden_deaths.py, tests/soak). SIGSEGV and SIGBUS are left to explain_faults and its tests.
.venv-asan/ready: $(PACKAGE_SOURCES)
	CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1" \
	    SKBUILD_BUILD_DIR=build/python-asan SKBUILD_CMAKE_BUILD_TYPE=Debug scripts/make_venv.sh .venv-asan 3.12 test
	touch $@

asan-python: .venv-asan/ready
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so)" PYTHONMALLOC=malloc \
	    ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_segv=0:handle_sigbus=0 UBSAN_OPTIONS=print_stacktrace=1 \
	    .venv-asan/bin/python $(PYTEST) tests/python $(ASAN_PYTHON)

bench: build-release
	.venv/bin/python bench/run.py $(BENCH_OPTIONS)

.venv-peers/ready: $(PACKAGE_SOURCES) bench/peers/requirements.txt
	scripts/make_venv.sh .venv-peers default dev
	.venv-peers/bin/python -m pip --disable-pip-version-check install --quiet --requirement bench/peers/requirements.txt
	touch $@

bench-peers: build-release .venv-peers/ready
	.venv-peers/bin/python bench/run.py $(BENCH_OPTIONS)

clean:
	rm -rf build .venv .venv-* dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
