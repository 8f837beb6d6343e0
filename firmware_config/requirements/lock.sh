#!/usr/bin/env bash
# Make the locked requirement files anew from the extras of pyproject.toml: `make lock`.
#
# One file a family. Each names every package with its version and the hashes of its archives, and no address: where
# packages come from is the business of whoever installs. All are valid for Python 3.11 and 3.13 on x86_64 and aarch64,
# but tflite*, whose runtime ended with Python 3.11. The families that meet in one environment agree with dev.txt.
set -euo pipefail
cd "$(dirname "$0")/../.."
uv=${1:-uv}
here=firmware_config/requirements
everywhere=" ; (platform_machine == 'aarch64' or platform_machine == 'x86_64') and platform_python_implementation == 'CPython' and sys_platform == 'linux'"

lock() {
    local name=$1
    shift
    "$uv" pip compile pyproject.toml "$@" --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --upgrade --output-file "$here/$name.new"
    {
        echo "# Made by \`make lock\`; install with pip install --require-hashes -r $here/$name.txt"
        sed "s/$everywhere//" "$here/$name.new"
    } >"$here/$name.txt"
    rm "$here/$name.new"
    if grep -nE 'https?://|file://|--(extra-)?index|--find-links' "$here/$name.txt"; then
        echo "lock: $name.txt holds an address" >&2
        exit 1
    fi
    echo "locked $here/$name.txt: $(grep -c '^[a-z]' "$here/$name.txt") packages"
}

lock dev --extra dev --extra demo
for family in pi jetson build demo bench; do
    lock "$family" --extra "$family" --constraint "$here/dev.txt"
done
lock tflite --extra tflite
lock tflite-dev --extra tflite --extra dev --extra demo
