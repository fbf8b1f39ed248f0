#!/usr/bin/env bash
# Where NVIDIA's cuda.h is, our own declarations of the driver are held against it: the numbers of answers, attributes and
# flags, and that each symbol is what a program built with that header, or with an older one, links to. Without it nothing is said.
set -euo pipefail
cd "$(dirname "$0")/../.."
header=${CUDA_HOME:-/usr/local/cuda}/include/cuda.h
[ -f "$header" ] || exit 0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
{ echo '#include <cuda.h>'
  sed -n '/^enum cuda_code/,/^};/p' gpu/cuda.h | sed -nE 's/^ +CUDA_([A-Z_]+) = ([1-9][0-9]*),.*/_Static_assert(CUDA_ERROR_\1 == \2, "CUDA_\1");/p'
  while read -r ours theirs; do
    sed -nE "s/^ +CUDA_$ours = ([0-9]+),.*/_Static_assert($theirs == \\1, \"CUDA_$ours\");/p" gpu/cuda.h | grep . ||
      echo "#error CUDA_$ours is not in gpu/cuda.h"
  done <<'END'
ATTRIBUTE_SM_COUNT CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
ATTRIBUTE_L2_BYTES CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE
ATTRIBUTE_MAJOR CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
ATTRIBUTE_MINOR CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
ATTRIBUTE_SHARED_BYTES_MAX CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
FUNCTION_SHARED_BYTES CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
STREAM_NON_BLOCKING CU_STREAM_NON_BLOCKING
JIT_ERROR_LOG CU_JIT_ERROR_LOG_BUFFER
JIT_ERROR_LOG_BYTES CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES
END
} >"$scratch/codes.c"
[ "$(wc -l <"$scratch/codes.c")" -gt 20 ] || { echo "no answers were found in gpu/cuda.h"; exit 1; }
"${CC:-cc}" -I"$(dirname "$header")" -fsyntax-only "$scratch/codes.c"
bad=0
for symbol in $(grep -oE '"cu[A-Z][A-Za-z0-9_]+"' gpu/cuda.def.h | tr -d '"'); do
  grep -qE "\b$symbol\b" "$header" || { echo "cuda.h knows no $symbol"; bad=1; }
done
exit $bad
