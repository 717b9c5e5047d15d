#!/usr/bin/env bash
# Builds the environment for TFX (about 3.3 GB), and reuses it until its requirements change.
#
#     bash tools/tfx_env.sh .venv-tfx
#     .venv-tfx/bin/python -m pytest tests/tfx
#
# TFX's ml-metadata and TFDV wheels require glibc >= 2.39. On such systems, this is a plain virtual environment.
# On an older Debian, `bin/python` is a small shell wrapper that starts the same interpreter with the
# loader and C libraries of the next Debian release, unpacked inside the environment: nothing is installed system-wide.
#
# PYTHON is the base interpreter (default: python3.11).
set -euo pipefail

readonly NEEDED_GLIBC=2.39
readonly NEWER_SUITE=trixie
readonly TEST_PACKAGES=(kfp pytest hypothesis)
readonly LIBRARIES=(libc6 libstdc++6 libgcc-s1)

fail() {
  echo "tfx_env: $*" >&2
  exit 3
}

[ $# -eq 1 ] || fail "expected one argument, the folder of the environment, for example: bash tools/tfx_env.sh .venv-tfx"
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
venv=$(cd "$1" && pwd)
[ ! -L "$1" ] && { [ -z "$(ls -A "$venv")" ] || [ -e "$venv/pyvenv.cfg" ]; } || fail "$1 exists and is not a virtual environment"
python=$(command -v "${PYTHON:-python3.11}") || fail "no ${PYTHON:-python3.11} on PATH; set PYTHON to a CPython 3.11 to 3.13"
# The interpreter itself, not a launcher (pyenv's shims are shell scripts) or the link of a virtual environment.
python=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
# Byte code is compiled once, at installation: without it `import tfx.v1` takes three times as long.
unset PYTHONDONTWRITEBYTECODE

# A checksum of everything that determines the environment; of pyproject.toml, only the requirements.
fingerprint() {
  {
    cat "$root/tools/tfx_env.sh" "$root/constraints-tfx.txt"
    "$python" -c 'import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
print(project["dependencies"], project["optional-dependencies"]["tfx"], project["scripts"])' "$root/pyproject.toml"
    echo "$venv $python"
  } | sha256sum
}

glibc_is_new_enough() {
  local have
  have=$("$python" -c 'import os; print(os.confstr("CS_GNU_LIBC_VERSION").split()[1])') || return 1
  [ "$(printf '%s\n%s\n' "$NEEDED_GLIBC" "$have" | sort -V | head -n 1)" = "$NEEDED_GLIBC" ]
}

# Prints the address of the Debian mirror in the apt sources of this machine.
debian_mirror() {
  apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(REPO_URI)' |
    awk -v suite="$1" '$1 == "Packages" && $2 == suite {print $3; exit}'
}

# Unpacks the newer C libraries into $1, with apt's state in a temporary folder.
unpack_newer_libraries() {
  local into=$1 work mirror key=/usr/share/keyrings/debian-archive-keyring.gpg codename options
  codename=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME") ||
    fail "glibc is older than $NEEDED_GLIBC and this is not Debian: run on a system with glibc >= $NEEDED_GLIBC (Debian 13, Ubuntu 24.04)"
  mirror=$(debian_mirror "$codename")
  [ -n "$mirror" ] || fail "found no Debian mirror for $codename in this machine's apt sources"
  work=$(mktemp -d)
  chmod 755 "$work" # apt downloads as a separate user
  mkdir -p "$work"/{state/lists/partial,cache/archives/partial,debs}
  echo "deb [signed-by=$key] $mirror $NEWER_SUITE main" >"$work/sources.list"
  options=(-q -o "Dir::State=$work/state" -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$work/cache"
    -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=-" -o "APT::Sandbox::User=$(id -un)")
  apt-get "${options[@]}" update >"$work/log" 2>&1 || fail "apt-get update failed for $NEWER_SUITE: $(tail -n 3 "$work/log")"
  (cd "$work/debs" && apt-get "${options[@]}" download "${LIBRARIES[@]/%//$NEWER_SUITE}") >"$work/log" 2>&1 ||
    fail "could not download ${LIBRARIES[*]} of $NEWER_SUITE: $(tail -n 3 "$work/log")"
  mkdir -p "$into"
  for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$work/unpacked"
  done
  find "$work/unpacked" -name '*.so*' -path '*linux-gnu*' \! -path '*/gconv/*' \! -name '*.py' -exec cp -P {} "$into/" \;
  rm -rf "$work"
}

# Replaces `bin/python` of the environment with a wrapper around the newer loader.
wrap_interpreter() {
  local libraries=$venv/glibc loader prefix_lib name
  unpack_newer_libraries "$libraries"
  loader=$(find "$libraries" -name 'ld-linux*.so.*' | head -n 1)
  [ -n "$loader" ] || fail "the unpacked libc6 has no loader"
  prefix_lib=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
  for name in python python3 "$(basename "$python")"; do
    rm -f "$venv/bin/$name"
    cat >"$venv/bin/$name" <<WRAPPER
#!/bin/sh
# Starts the interpreter with the C libraries of Debian $NEWER_SUITE; written by tools/tfx_env.sh.
exec "$loader" --library-path "$libraries:$prefix_lib:/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu" --argv0 "$venv/bin/python" "$python" "\$@"
WRAPPER
    chmod +x "$venv/bin/$name"
  done
  "$venv/bin/python" -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)' ||
    fail "the wrapped interpreter does not start inside $venv"
}

install_packages() {
  "$venv/bin/python" -m pip install -q uv -c "$root/constraints-tfx.txt"
  "$venv/bin/python" -m uv pip install -q --python "$venv/bin/python" --compile-bytecode \
    -c "$root/constraints-tfx.txt" -e "$root[tfx]" "${TEST_PACKAGES[@]}"
}

stamp=$venv/.built-from
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ] && "$venv/bin/python" -c 'import ml_metadata'; then
  echo "tfx_env: $venv is up to date"
  exit 0
fi
started=$(date +%s)
rm -rf "$venv"
"$python" -m venv "$venv"
glibc_is_new_enough || wrap_interpreter
install_packages || fail "installing the packages of constraints-tfx.txt failed (see above)"
said=$("$venv/bin/python" -c 'import ml_metadata, tfx.dsl.components.base.base_beam_component' 2>&1) ||
  fail "the packages are installed, but TFX does not import: $said"
fingerprint >"$stamp"
echo "tfx_env: built $venv in $(($(date +%s) - started)) s"
