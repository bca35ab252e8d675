#!/usr/bin/env bash
# Makes the virtual environments of the peers under build/peers/. Optional: nothing of wfkit needs them.
# Usage: benchmarks/peers/setup.sh [prefect3] [prefect1]      (both, if none is named)
set -euo pipefail
cd "$(dirname "$0")/../.."
python="${PYTHON:-python3}"

make_venv() {
    local name="$1"
    shift
    rm -rf "build/peers/$name"
    mkdir -p build/peers
    "$python" -m venv "build/peers/$name"
    "build/peers/$name/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    "build/peers/$name/bin/python" -m pip freeze >"build/peers/$name/freeze.txt"
    echo "build/peers/$name is ready"
}

[ $# -gt 0 ] || set -- prefect3 prefect1
for name in "$@"; do
    case "$name" in
        # Prefect 3.8.8 does not start with newer versions of fastapi.
        prefect3) make_venv prefect3 'prefect==3.8.8' prefect-dask 'fastapi<0.145' ;;
        # The last release of Prefect 1, from 2022, with the Dask of its time.
        prefect1) make_venv prefect1 'prefect==1.4.1' 'dask==2022.12.1' 'distributed==2022.12.1' 'pendulum<3' \
            'marshmallow<3.20' 'setuptools<70' ;;
        *) echo "unknown peer: $name (prefect3 or prefect1)" >&2; exit 2 ;;
    esac
done
