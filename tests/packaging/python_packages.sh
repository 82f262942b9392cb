#!/usr/bin/env bash
# Build a source distribution, build a wheel from it, install the wheel and use it outside the tree: python_packages.sh PYTHON
# PYTHON has scikit-build-core, cmake and numpy. Nothing is downloaded.
set -euo pipefail
python=$(realpath -s "$1") tree=$(realpath "$(dirname "$0")/../..")
work=$(mktemp --directory)
folder=$(mktemp --directory --tmpdir=/dev/shm pmipc-packages-XXXXXX)
trap 'rm -rf "$work" "$folder"' EXIT
fail() { echo "python packages: $1" >&2; exit 1; }

# 1. The source distribution has what building needs, and no other files.
(cd "$tree" && "$python" -c 'import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])' "$work" >"$work/log" 2>&1) \
    || { cat "$work/log" >&2; fail "the source distribution cannot be built"; }
tar --extract --gzip --file "$work"/polymorph_ipc-*.tar.gz --directory "$work"
source=$(echo "$work"/polymorph_ipc-*/)
for needed in LICENSE README.md pyproject.toml CMakeLists.txt include/polymorph_ipc src python/ext python/polymorph_ipc/py.typed; do
    [ -e "$source/$needed" ] || fail "the source distribution lacks $needed"
done
for foreign in tests bench docs fuzz models examples scripts Makefile .ci build; do
    [ ! -e "$source/$foreign" ] || fail "the source distribution contains $foreign"
done

# 2. The wheel has the package, its stubs and its license, and no files of the C library.
"$python" -m pip --disable-pip-version-check wheel --quiet --no-build-isolation --no-deps --wheel-dir "$work" "$source" \
    >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "the source distribution does not build"; }
wheel=$(echo "$work"/polymorph_ipc-*.whl)
names=$("$python" -m zipfile --list "$wheel" | awk 'NR > 1 { print $1 }')
for needed in polymorph_ipc/__init__.py polymorph_ipc/py.typed polymorph_ipc/_core.pyi; do
    grep --quiet --line-regexp --fixed-strings "$needed" <<<"$names" || fail "the wheel lacks $needed"
done
grep --quiet '/LICENSE$' <<<"$names" || fail "the wheel lacks the license"
! grep --invert-match --extended-regexp '^polymorph_ipc(-[0-9.]+\.dist-info)?/' <<<"$names" || fail "the wheel contains the files above"

# 3. The installed package works. The program imports it, not the package in the tree.
"$python" -m pip --disable-pip-version-check install --quiet --no-deps --no-index --target "$work/site" "$wheel" 2>"$work/log" \
    || { cat "$work/log" >&2; fail "the wheel cannot be installed"; }
cd "$work"
POLYMORPH_IPC_DIR=$folder "$python" - "$work/site" <<'END' || fail "the installed package does not work"
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
echo "python packages: source distribution and wheel have the right files, and the wheel works"
