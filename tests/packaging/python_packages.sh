#!/usr/bin/env bash
# Make a source distribution, a wheel from it, install that and use it far from the tree: python_packages.sh PYTHON
# PYTHON has scikit-build-core, cmake and numpy; nothing is fetched.
set -euo pipefail
python=$(realpath -s "$1") tree=$(realpath "$(dirname "$0")/../..")
work=$(mktemp --directory)
folder=$(mktemp --directory --tmpdir=/dev/shm pmipc-packages-XXXXXX)
trap 'rm -rf "$work" "$folder"' EXIT
fail() { echo "python packages: $1" >&2; exit 1; }

# 1. the source distribution: what it takes to build, and nothing else
(cd "$tree" && "$python" -c 'import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])' "$work" >"$work/log" 2>&1) \
    || { cat "$work/log" >&2; fail "no source distribution could be made"; }
tar --extract --gzip --file "$work"/polymorph_ipc-*.tar.gz --directory "$work"
source=$(echo "$work"/polymorph_ipc-*/)
for needed in LICENSE README.md pyproject.toml CMakeLists.txt include/polymorph_ipc src python/ext python/polymorph_ipc/py.typed; do
    [ -e "$source/$needed" ] || fail "the source distribution lacks $needed"
done
for foreign in tests bench docs fuzz models examples scripts Makefile .ci build; do
    [ ! -e "$source/$foreign" ] || fail "the source distribution carries $foreign"
done

# 2. a wheel from it: the package, its stubs, its licence, and nothing of the C library
"$python" -m pip --disable-pip-version-check wheel --quiet --no-build-isolation --no-deps --wheel-dir "$work" "$source" \
    >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "the source distribution does not build"; }
wheel=$(echo "$work"/polymorph_ipc-*.whl)
names=$("$python" -m zipfile --list "$wheel" | awk 'NR > 1 { print $1 }')
for needed in polymorph_ipc/__init__.py polymorph_ipc/py.typed polymorph_ipc/_core.pyi; do
    grep --quiet --line-regexp --fixed-strings "$needed" <<<"$names" || fail "the wheel lacks $needed"
done
grep --quiet '/LICENSE$' <<<"$names" || fail "the wheel lacks the licence"
! grep --invert-match --extended-regexp '^polymorph_ipc(-[0-9.]+\.dist-info)?/' <<<"$names" || fail "the wheel carries the above"

# 3. installed and used: the installed one, not the tree's
"$python" -m pip --disable-pip-version-check install --quiet --no-deps --no-index --target "$work/site" "$wheel" 2>"$work/log" \
    || { cat "$work/log" >&2; fail "the wheel cannot be installed"; }
cd "$work"
POLYMORPH_IPC_DIR=$folder "$python" - "$work/site" <<'END' || fail "what was installed does not work"
import sys

sys.path.insert(0, sys.argv[1])
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__ + type(finder).__name__.lower()]
import numpy as np
import polymorph_ipc

assert polymorph_ipc.__file__.startswith(sys.argv[1]), polymorph_ipc.__file__
with polymorph_ipc.TensorProducer.from_sample("cam", np.zeros(3)) as producer, polymorph_ipc.TensorStream("cam") as stream:
    producer.publish(np.ones(3))
    assert stream.get_last().tolist() == [1, 1, 1]
END
echo "python packages: source distribution and wheel hold what they should, and the wheel works"
