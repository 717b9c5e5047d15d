#!/usr/bin/env bash
# Runs the fast tests on each of CPython 3.11, 3.12 and 3.13 that is installed, each in a separate environment.
# Arguments go to pytest. PYTHONS="3.12 3.13" selects versions.
set -uo pipefail
cd "$(dirname "$0")/.."

# Prints the path of an interpreter of version $1 that runs: on PATH, or among pyenv's or uv's.
find_version() {
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python"$1" \
    "${XDG_DATA_HOME:-$HOME/.local/share}"/uv/python/cpython-"$1".*/bin/python"$1"; do
    "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))' 2>/dev/null && return
  done
  return 1
}

summary=() failed=0
for version in ${PYTHONS:-3.11 3.12 3.13}; do
  if ! python=$(find_version "$version"); then
    summary+=("CPython $version: not installed, not tested")
    continue
  fi
  echo "== CPython $version: $python"
  venv=.venv-py$version
  if PYTHON=$python bash tools/venv.sh "$venv" demo,test &&
    "$venv/bin/python" -m pytest -q -n "${WORKERS:-2}" -m "not slow" "$@"; then
    summary+=("CPython $version: passed")
  else
    summary+=("CPython $version: FAILED")
    failed=1
  fi
done
printf '%s\n' "${summary[@]}"
exit $failed
