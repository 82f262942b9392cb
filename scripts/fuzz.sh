#!/usr/bin/env bash
# fuzz.sh [SECONDS]: build every fuzzer with clang, run each for SECONDS with two seeds, starting from its corpus, and print the
# executions and edges. A finding is left in build/fuzz/found, and the exit code is then 1.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
clang=${CLANG:-$(command -v clang || true)}
[ -n "$clang" ] || { echo "make fuzz: clang was not found (Debian: apt install clang-14 libclang-rt-14-dev)" >&2; exit 1; }

# Name, packed corpus, maximum input length.
targets=(
    "decode cdr/corpus/decode 400"
    "ros2msg cdr/corpus/ros2msg 2000"
    "ros_decoder ros/corpus/decoder 600"
    "pool_stream pool/corpus/stream 400"
    "pool_producer pool/corpus/producer 400"
    "pool_registry pool/corpus/registry 400"
    "pool_schema pool/corpus/schema 244"
    "pool_names pool/corpus/names 300"
)

CC=$clang cmake -S . -B build/fuzz -DPMIPC_FUZZ=ON -DPMIPC_BUILD_TESTS=ON >/dev/null
env --unset=MAKEFLAGS --unset=MAKELEVEL cmake --build build/fuzz --parallel 2 --target fuzzers

found=build/fuzz/found
mkdir -p "$found"
work=$(mktemp -d /dev/shm/pmipc-fuzz-XXXXXX)
trap 'rm -rf "$work"' EXIT
export POLYMORPH_IPC_DIR=$work/folder
failed=0
printf '%-14s %10s %12s %6s  %s\n' target seed executions edges result
for line in "${targets[@]}"; do
    read -r name corpus longest <<<"$line"
    for seed in 1 $((RANDOM * 32768 + RANDOM + 2)); do
        log=$found/$name-$seed.log
        learned=$work/learned seeds=$work/seeds
        mkdir "$learned"
        fuzz/pack.py unpack "fuzz/$corpus.pack" "$seeds"
        result=ok
        "build/fuzz/fuzz/${corpus%%/*}/fuzz_$name" -seed="$seed" -max_len="$longest" -max_total_time="$seconds" -timeout=20 \
            -print_final_stats=1 -artifact_prefix="$found/$name-" "$learned" "$seeds" >"$log" 2>&1 || result="FOUND: $log"
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
        printf '%-14s %10s %12s %6s  %s\n' "$name" "$seed" "${executions:--}" "${edges:--}" "$result"
        rm -rf "$learned" "$seeds"
        [ "$result" = ok ] || failed=1
    done
done
exit $failed
