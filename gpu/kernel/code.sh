#!/usr/bin/env bash
# code.sh PTXAS FOLDER: assemble every gpu/kernel/ptx/<module>.ptx into machine code for the GPUs it fits, and list the
# files in FOLDER/codes.def.h. Without an assembler (PTXAS is "") the list is empty. code.sh --ptxas: where it is.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --ptxas ]; then
  nvcc=${NVCC-$(command -v nvcc 2>/dev/null || ls "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" 2>/dev/null || true)}
  nvcc=$([ -n "$nvcc" ] && command -v "$nvcc" || true)
  ls "$(dirname "${nvcc:-/nonexistent/x}")/ptxas" 2>/dev/null || true
  exit 0
fi
export ptxas=$1 out=$2
gpus='80 89 90a 100 120'
mkdir -p "$out"
rm -f "$out"/*.cubin
assemble() { # PTX GPU
  local module; module=$(basename "$1" .ptx)
  "$ptxas" -arch="sm_$2" -O3 -o "$out/$module.sm_$2.cubin" "$1" || { echo "$1 does not assemble for sm_$2"; exit 1; }
}
export -f assemble
jobs() { # a module for one GPU alone names it; else all
  local ptx only gpu
  for ptx in gpu/kernel/ptx/*.ptx; do
    only=$(sed -n 's/^\.target sm_\([0-9]*a\).*$/\1/p' "$ptx" | head -1)
    for gpu in ${only:-$gpus}; do echo "$ptx $gpu"; done
  done
}
list=$out/codes.def.h
{ echo "/* Machine code that this build embeds: module, GPU, file. Written by gpu/kernel/code.sh. */"
  [ -z "$ptxas" ] || jobs | while read -r ptx gpu; do
    module=$(basename "$ptx" .ptx); echo "CODE($module, $gpu, \"$out/$module.sm_$gpu.cubin\")"
  done; } >"$list.new"
[ -z "$ptxas" ] || jobs | xargs -P "$(nproc)" -n 2 bash -c 'assemble "$@"' assemble
mv "$list.new" "$list"
