#!/usr/bin/env bash
# Break the library in known ways, and see each of them caught: mutants.sh COMPILER WORK_FOLDER OBJECT... [-- LINK_OPTION...]
# A patch in mutants/ begins with the operation that shows it and with words of the message that must come. Of the library's sources
# only the one that is patched is compiled anew; its object takes the place of the sound one.
set -euo pipefail
compiler=$1 work=$2
shift 2
objects=() link_options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    objects+=("$1")
    shift
done
[ $# -eq 0 ] || link_options=("${@:2}")
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
failed=0

fail() {
    echo "FAILED $1: $2"
    failed=$((failed + 1))
}

try_mutant() {
    local patch=$1 name folder operation words source kept=() object
    name=$(basename "$patch" .patch)
    folder=$work/$name
    operation=$(sed -n 's/^operation: //p' "$patch")
    words=$(sed -n 's/^caught by: //p' "$patch")
    source=$(sed -n 's/^+++ b\///p' "$patch")
    rm -rf "$folder" && mkdir -p "$folder/$(dirname "$source")"
    cp "$root/$source" "$folder/$source"
    if ! patch --quiet --fuzz=0 --directory="$folder" --strip=1 <"$patch" >"$folder/log" 2>&1; then
        fail "$name" "the patch does not fit $source any more: $(tail -n 1 "$folder/log")"
        return
    fi
    for object in "${objects[@]}"; do
        [[ $object == */$source.o ]] || kept+=("$object")
    done
    if [ ${#kept[@]} -ne $((${#objects[@]} - 1)) ]; then
        fail "$name" "$source is no part of the program"
        return
    fi
    "$compiler" -std=c11 -D_GNU_SOURCE -O1 -w -I"$root/include" -I"$root/src" -c "$folder/$source" -o "$folder/mutant.o"
    "$compiler" "${kept[@]}" "$folder/mutant.o" "${link_options[@]}" -pthread -o "$folder/syscall_faults"
    if "$folder/syscall_faults" --until-first "$operation" >"$folder/log" 2>&1; then
        fail "$name" "nobody noticed"
    elif ! grep -qF -- "$words" "$folder/log"; then
        fail "$name" "noticed, but not by '$words'; see $folder/log"
    else
        echo "ok     $name: $(grep -F -m1 FAILED "$folder/log" | cut -c8-)"
    fi
}

for patch in "$here"/mutants/*.patch; do
    try_mutant "$patch"
done
[ "$failed" -eq 0 ]
