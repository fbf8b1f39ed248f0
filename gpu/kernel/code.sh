#!/usr/bin/env bash
# code.sh PTXAS FOLDER: pack every gpu/kernel/ptx/<module>.ptx for embedding, and machine code made of it for the GPUs
# it fits, and list the files in FOLDER/files.def.h. Without an assembler (PTXAS is "") there is only PTX.
# code.sh --ptxas: where the assembler is.
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
rm -f "$out"/*.cubin "$out"/*.gz
assemble() { # PTX GPU
  local code; code=$out/$(basename "$1" .ptx).sm_$2.cubin
  "$ptxas" -arch="sm_$2" -O3 -o "$code" "$1" || { echo "$1 does not assemble for sm_$2"; exit 1; }
  gzip -9n "$code"
}
export -f assemble
jobs() { # a module for one GPU alone names it; else all
  local ptx only gpu
  for ptx in gpu/kernel/ptx/*.ptx; do
    only=$(sed -n 's/^\.target sm_\([0-9]*a\).*$/\1/p' "$ptx" | head -1)
    for gpu in ${only:-$gpus}; do echo "$ptx $gpu"; done
  done
}
list=$out/files.def.h
{ echo "/* What this build embeds: module, GPU or ptx, file. Written by gpu/kernel/code.sh. */"
  for ptx in gpu/kernel/ptx/*.ptx; do
    module=$(basename "$ptx" .ptx)
    gzip -9nc "$ptx" >"$out/$module.ptx.gz"
    echo "IMAGE($module, ptx, \"$out/$module.ptx.gz\")"
  done
  [ -z "$ptxas" ] || jobs | while read -r ptx gpu; do
    module=$(basename "$ptx" .ptx); echo "IMAGE($module, $gpu, \"$out/$module.sm_$gpu.cubin.gz\")"
  done; } >"$list.new"
[ -z "$ptxas" ] || jobs | xargs -P "$(nproc)" -n 2 bash -c 'assemble "$@"' assemble
mv "$list.new" "$list"
