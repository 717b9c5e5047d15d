#!/usr/bin/env bash
# Builds the base image of the Dockerfile where no image hub can be reached: a minimal Debian with its CPython,
# downloaded from the apt mirror of this machine. Requires root, debootstrap and buildah.
#
#     bash tools/base_image.sh localhost/lengthwise-base:bookworm bookworm
set -euo pipefail

fail() {
  echo "base_image: $*" >&2
  exit 3
}

[ $# -eq 2 ] || fail "expected an image name and a Debian suite, for example: localhost/lengthwise-base:bookworm bookworm"
image=$1 suite=$2
for tool in debootstrap buildah; do
  command -v "$tool" >/dev/null || fail "$tool is missing; apt-get install $tool"
done
[ "$(id -u)" -eq 0 ] || fail "debootstrap needs root"

# Prints the address of the mirror in the apt sources of this machine.
mirror() {
  apt-get indextargets --format '$(CREATED_BY) $(REPO_URI)' 2>/dev/null |
    awk '$1 == "Packages" && $2 ~ /debian\/?$/ {print $2; exit}'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
address=$(mirror)
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
  "$suite" "$work/root" ${address:+"$address"} >"$work/log" 2>&1 || fail "debootstrap $suite failed: $(tail -n 3 "$work/log")"
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/* "$work"/root/usr/lib/python3*/EXTERNALLY-MANAGED
ln -sf python3 "$work/root/usr/bin/python"

container=$(buildah from scratch)
mounted=$(buildah mount "$container")
cp -a "$work/root/." "$mounted/"
buildah umount "$container" >/dev/null
buildah config --cmd python3 --env LANG=C.UTF-8 "$container"
buildah commit -q --format docker --rm "$container" "$image" >/dev/null
echo "base_image: built $image"
