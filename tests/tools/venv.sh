#!/bin/sh
# Make .venv ready for one set of requirements, and say what is done. Nothing to do: silence.
#
# sh tests/tools/venv.sh SET PYTHON ORIGIN
# SET: a file of tests/requirements/, without .txt. ORIGIN: "file" where PYTHON is the Makefile's,
# else the reader has named it.
set -eu
requirements=tests/requirements/$1.txt done_file=.venv/$1.done python=$2 named=yes
if [ "$3" = file ]; then named=; fi

# Installed is what was written down, or what came with all.txt.
pins() { sed -n 's/^\([^ ]*==[^ ]*\).*/\1/p' "$1"; }
is_done() {
    cmp -s "$requirements" "$done_file" || {
        cmp -s tests/requirements/all.txt .venv/all.done &&
            ! pins "$requirements" | grep -qvxF "$(pins tests/requirements/all.txt)"
    }
}

# Is there an environment that works, and is it the one that was asked for?
usable=no
if .venv/bin/python -c 'import pip' 2>/dev/null; then usable=yes; fi
if [ $usable = yes ] && [ -z "$named" ] && is_done; then
    exit 0
fi

about() { # the version and the home of an interpreter
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.base_prefix)'
}

if ! command -v "$python" >/dev/null 2>&1; then
    echo "There is no $python here: install Python 3.11 or later, or name it: make PYTHON=python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "This course needs Python 3.11 or later, and $python is $("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'). Name another: make PYTHON=python3.12 ..." >&2
    exit 1
fi
if [ $usable = yes ] && [ -n "$named" ] && [ "$(about "$python")" != "$(about .venv/bin/python)" ]; then
    echo "Rebuilding .venv with $python ($(about "$python" | cut -d' ' -f1))."
    usable=no
fi
if [ $usable = no ]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "Python's venv is missing; on Debian and Ubuntu: sudo apt install python3-venv" >&2
        exit 1
    fi
    echo "Making .venv with $python (some seconds) ..."
    rm -rf .venv
    "$python" -m venv .venv
fi
if ! is_done; then
    echo "Installing $requirements into .venv (some seconds) ..."
    rm -f "$done_file"
    if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --require-hashes --requirement "$requirements"; then
        echo "pip could not install $requirements; the reason is above. It needs the network once." >&2
        exit 1
    fi
    cp "$requirements" "$done_file"
fi
