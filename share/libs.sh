#!/usr/bin/env bash
# libs.sh MODULE...: exit 1 with one sentence that names every pkg-config module that is not there and the Debian
# package it comes from (share/packages.txt).
set -euo pipefail
list=$(dirname "$0")/packages.txt
pkg=${PKG_CONFIG:-pkg-config}
command -v "$pkg" >/dev/null || { echo "missing program '$pkg': run 'make deps', or install the package pkg-config" >&2; exit 1; }
missing='' deps=deps
for module in "$@"; do
  "$pkg" --exists "$module" && continue
  read -r purpose package < <(awk -v m="$module" '$3 == m {print $1, $2}' "$list") || purpose=build package='no package known'
  missing+=", $module ($package)"
  [ "$purpose" = build ] || deps='deps-test'
done
[ -z "$missing" ] || { echo "missing libraries: ${missing:2}: run 'make $deps', or install these packages" >&2; exit 1; }
