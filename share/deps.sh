#!/usr/bin/env bash
# deps.sh PURPOSE...: install the Debian packages of these purposes that are missing (share/packages.txt).
# Quiet and without root when nothing is missing.
set -euo pipefail
list=$(dirname "$0")/packages.txt
missing=()
for purpose in "$@"; do
  while read -r _ package _; do
    state=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
    [ "${state:0:2}" = ii ] || missing+=("$package")
  done < <(grep "^$purpose " "$list")
done
[ ${#missing[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null || { echo "deps: these packages are missing and there is no apt-get: ${missing[*]}" >&2; exit 1; }
sudo=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "deps: run as root, or install sudo: ${missing[*]} must be installed" >&2; exit 1; }
  sudo=(sudo)
fi
echo "deps: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A server that a package starts by itself is not wanted: the programs and tests start their own.
install() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; }
install || { "${sudo[@]}" apt-get update >"$log" 2>&1 && install; } || { tail -20 "$log" >&2; exit 1; }
