#!/usr/bin/env bash
# Creates a virtual environment with this package (editable) and extras; does nothing if it is up to date.
#
#     bash tools/venv.sh .venv demo,test
#
# PYTHON is the interpreter (default: python3.11, or python3 if it is 3.11 or newer). Versions come from
# constraints.txt. Extras accumulate: `demo` first and `test` later gives an environment with both.
set -euo pipefail

fail() {
  echo "venv: $*" >&2
  exit 3
}

[ $# -eq 2 ] || fail "expected a folder and extras, for example: bash tools/venv.sh .venv demo,test"
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$1 wanted=$2
stamps=$venv/.installed
# Byte code is compiled once, at installation: without it every `import tensorflow` takes seconds longer.
unset PYTHONDONTWRITEBYTECODE

# Prints the first interpreter that runs and is new enough, not a launcher of pyenv.
find_python() {
  local name
  for name in ${PYTHON:-python3.11 python3 python3.13 python3.12}; do
    "$name" -c 'import os, sys; assert sys.version_info >= (3, 11); print(os.path.realpath(sys.executable))' 2>/dev/null &&
      return
  done
  fail "found no CPython 3.11 or newer (tried ${PYTHON:-python3.11, python3}); set PYTHON to one"
}

# A checksum of everything that determines an environment; of pyproject.toml, only the requirements.
fingerprint() {
  {
    cat "$root/constraints.txt"
    "$venv/bin/python" -c 'import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
print(project["dependencies"], project["optional-dependencies"], project["scripts"], sys.argv[2:])' \
      "$root/pyproject.toml" "$root" "$1"
  } | cksum
}

create() {
  local python
  python=$(find_python)
  echo "venv: creating $venv with $python"
  "$python" -c 'import ensurepip' 2>/dev/null ||
    fail "$python cannot create virtual environments; on Debian: apt-get install python3-venv"
  "$python" -m venv "$venv"
}

# uv is several times faster than pip, but has separate settings: pass it pip's index, and fall back to pip.
install() {
  local index
  index=$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)
  index=${PIP_INDEX_URL:-$index}
  if "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv &&
    UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true} UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index} \
      "$venv/bin/python" -m uv pip install --python "$venv/bin/python" --compile-bytecode "$@"; then
    return
  fi
  echo "venv: uv could not install; trying pip, which is slower" >&2
  "$venv/bin/python" -m pip install --disable-pip-version-check "$@"
}

[ -x "$venv/bin/python" ] || create
mkdir -p "$stamps"
if [ -f "$stamps/$wanted" ] && [ "$(cat "$stamps/$wanted")" = "$(fingerprint "$wanted")" ]; then
  exit 0
fi
started=$SECONDS
install --constraint "$root/constraints.txt" --editable "$root[$wanted]" || fail "installing lengthwise[$wanted] failed (see above)"
fingerprint "$wanted" >"$stamps/$wanted"
echo "venv: $venv has lengthwise[$wanted] ($((SECONDS - started)) s)"
