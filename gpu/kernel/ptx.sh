#!/usr/bin/env bash
# ptx.sh: rewrite gpu/kernel/ptx/<module>.ptx from gpu/kernel/<module>.cu for every module of modules.def.h.
# ptx.sh --check: compare instead, as far as this machine can: the hash of the sources everywhere, the text where
# clang 14 is, and whether it assembles for every GPU where NVCC's ptxas is. Exit 1 with what is wrong.
#
# PTX is compiled by clang 14 alone (no CUDA toolkit): PTX 7.0 for sm_80, which drivers since 450 take. A module
# called <name>_sm90 is for that GPU alone: clang 14 does not know it, so its head is rewritten (inline assembly
# passes through it unread).
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=gpu/kernel
clang=${CLANG14:-$(command -v clang-14 || command -v clang || true)}
[ -n "$clang" ] && "$clang" --version | grep -q 'clang version 14\.' || clang=
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

modules() { sed -n 's/^MODULE(\([a-z0-9_]*\))$/\1/p' "$dir/modules.def.h"; }

# The module's source and every header of ours that it includes, directly or not.
sources() {
  local todo=("$dir/$1.cu") done=' ' f
  while [ ${#todo[@]} -gt 0 ]; do
    f=${todo[0]}; todo=("${todo[@]:1}")
    case $done in *" $f "*) continue ;; esac
    done+="$f "; echo "$f"
    mapfile -t -O "${#todo[@]}" todo < <(sed -n 's/^#[ \t]*include "\(.*\)"$/\1/p' "$f")
  done
}
hash_of() { sources "$1" | LC_ALL=C sort | xargs cat | sha256sum | cut -d' ' -f1; }

target_of() { # the GPU that a module is for, and the PTX that this takes
  case $1 in *_sm90) echo '8.0 sm_90a' ;; *) echo '7.0 sm_80' ;; esac
}

compile() { # MODULE FILE
  local version target
  read -r version target < <(target_of "$1")
  { echo "// gpu/kernel/$1.cu, compiled by gpu/kernel/ptx.sh (make ptx). Do not edit."
    echo "// sources: sha256 $(hash_of "$1")"
    "$clang" -x cuda --cuda-device-only -nocudainc -nocudalib --cuda-path=/nonexistent \
      --cuda-gpu-arch=sm_80 -O2 -fno-ident -I. -Wall -Wextra -Werror -Wno-unknown-cuda-version -S -o - "$dir/$1.cu" |
      sed -e '1,/^$/{/^\/\//d}' -e "s/^\.version 7\.0$/.version $version/" -e "s/^\.target sm_80$/.target $target/" \
        -e 's/[ \t]*$//'
  } >"$2"
}

check() { # MODULE
  local ptx=$dir/ptx/$1.ptx
  [ -f "$ptx" ] || { echo "$ptx is missing: run 'make ptx'"; return 1; }
  grep -qx "// sources: sha256 $(hash_of "$1")" "$ptx" || { echo "$ptx is older than its sources: run 'make ptx'"; return 1; }
  [ -n "$clang" ] || return 0
  compile "$1" "$scratch/$1.ptx" && cmp -s "$scratch/$1.ptx" "$ptx" || { echo "$ptx is not what its sources give: run 'make ptx'"; return 1; }
}

bad=0
if [ "${1:-}" = --check ]; then
  for m in $(modules); do check "$m" || bad=1; done
  ptxas=$("$dir/code.sh" --ptxas)
  [ -z "$ptxas" ] || "$dir/code.sh" "$ptxas" "$scratch/code" || bad=1
  for f in "$dir"/ptx/*.ptx; do modules | grep -qx "$(basename "$f" .ptx)" || { echo "$f is of no module"; bad=1; }; done
  exit $bad
fi
[ -n "$clang" ] || { echo "ptx: clang 14 is needed (Debian 12: apt-get install clang)" >&2; exit 1; }
mkdir -p "$dir/ptx"
for m in $(modules); do
  compile "$m" "$scratch/$m.ptx"
  cmp -s "$scratch/$m.ptx" "$dir/ptx/$m.ptx" 2>/dev/null || { mv "$scratch/$m.ptx" "$dir/ptx/$m.ptx"; echo "wrote $dir/ptx/$m.ptx"; }
done
