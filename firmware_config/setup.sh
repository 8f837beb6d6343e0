#!/bin/sh
# Make a virtual environment with edge-gate in it, out of locked requirements: `make setup`. A second call is quick.
#
#   setup.sh [VENV] [FAMILY]...     default: .venv dev; families are the files in firmware_config/requirements
#
# On a Raspberry Pi or a Jetson the environment sees the system's packages, because libcamera (and GStreamer's bindings)
# come from apt only. Nothing is downloaded but what the lock files name.
set -eu
cd "$(dirname "$0")/.."
venv=${1:-.venv}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- dev

say() { echo "setup: $*" >&2; }
stop() { say "$1"; echo "hint: $2" >&2; exit 1; }

usable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        usable "$PYTHON" || stop "$PYTHON is no Python from 3.11 to 3.13" "name another, or none"
        echo "$PYTHON"
        return
    fi
    for candidate in $board_python python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && usable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    stop "no Python from 3.11 to 3.13 was found" "apt install python3, or name one: make setup PYTHON=/path/to/python3"
}

apt_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing $1 with apt"
    apt-get -q -y install "$1" >/dev/null 2>&1 || { apt-get -q update >/dev/null && apt-get -q -y install "$1" >/dev/null; }
}

board=$(grep -aoE 'Raspberry Pi|Jetson' /proc/device-tree/model 2>/dev/null || true)
board_python='' system_packages=''
if [ -n "$board" ]; then
    board_python=/usr/bin/python3 system_packages=--system-site-packages
    say "this is a $board: $venv sees the system's packages (libcamera comes from apt only)"
fi
python=$(find_python)

if [ ! -x "$venv/bin/python" ] || ! usable "$venv/bin/python"; then
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        apt_install python3-venv && "$python" -c 'import venv, ensurepip' 2>/dev/null ||
            stop "$python has no venv module" "apt install python3-venv"
    fi
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear $system_packages "$venv"
fi

if ! "$venv/bin/python" -c 'import ctypes; ctypes.CDLL("libseccomp.so.2")' 2>/dev/null; then
    apt_install libseccomp2 || say "libseccomp.so.2 is missing, half of the sandbox will be; apt install libseccomp2"
fi

for family in "$@"; do
    lock=firmware_config/requirements/$family.txt
    [ -f "$lock" ] || stop "there is no family $family" "known: $(cd firmware_config/requirements && echo *.txt)"
    made_from=$(cat "$lock" pyproject.toml | sha256sum)
    stamp=$venv/.edge-gate-$family
    if [ "$(cat "$stamp" 2>/dev/null)" != "$made_from" ]; then
        say "installing $family ($(grep -c '^[a-z]' "$lock") packages, hashes checked)"
        # No build isolation: what a source package is built with is locked as well.
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes -r "$lock"
        case $family in *dev)
            "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
            # The three processes may not write, so they could not keep what Python compiles for them.
            "$venv/bin/python" -m compileall -q edge || stop "edge/ does not compile" "see the lines above"
            ;;
        esac
        echo "$made_from" >"$stamp"
    fi
done
