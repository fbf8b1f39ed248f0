#!/usr/bin/env bash
# pack.sh FOLDER PROGRAM...: copy programs and the libraries they need, but for the C library's own, into FOLDER (the
# libraries into FOLDER/lib), for a machine that has a GPU and none of them.
set -euo pipefail
to=$1
shift
rm -rf "$to"
mkdir -p "$to/lib"
cp "$@" "$to/"
git rev-parse HEAD >"$to/commit" 2>/dev/null || true
ldd "$@" | awk '/=> \// {print $3}' | sort -u |
  grep -vE '/(libc|libm|libdl|libpthread|librt|libgcc_s)\.so\.' | while read -r library; do cp -L "$library" "$to/lib/"; done
du -sh "$to"
