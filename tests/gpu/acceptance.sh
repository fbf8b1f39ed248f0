#!/usr/bin/env bash
# acceptance.sh OUT: run everything that only a machine with a GPU can tell, within ACCEPTANCE_SECONDS (530), and leave
# at most eight files in OUT: summary.md (goal, figure, met or not), facts.txt, steps.tsv, the reports, and all logs in
# one archive. Each step has its own limit; none stops another; what cannot be run is skipped with the reason, as all of
# it is where there is no GPU. Exit 0 in any case, 2 for wrong usage.
#
# It needs no compiler: `make gpu-pack` leaves all programs and their libraries in build/gpu-acceptance. Variables:
#   ACCEPTANCE_BIN      that folder                    ACCEPTANCE_STEPS    these steps alone ("quick repeats")
#   ACCEPTANCE_REPEATS  of the quick tier (20)         ACCEPTANCE_BURN     seconds of load (60)
#   HOURGLASS_GPU, HOURGLASS_GPU_PTX   the programs    HOURGLASS_GPU_ARGS  more arguments (tests: --nvml FILE --cuda FILE)
#   CUBLAS, SANITIZER   libcublas.so and compute-sanitizer, "none" for neither; else they are looked for
# Steps: list checks state quick nvml context inside patterns speeds burn compare ptx sanitizer watch test repeats.
set -u
[ $# -eq 1 ] && [ -n "$1" ] || { echo "usage: acceptance.sh OUT" >&2; exit 2; }
mkdir -p "$1" || exit 2
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.." || exit 2
bin=${ACCEPTANCE_BIN:-$PWD/build/gpu-acceptance}
gpu=${HOURGLASS_GPU:-$bin/hourglass-gpu} gpu_ptx=${HOURGLASS_GPU_PTX:-$bin/hourglass-gpu-ptx}
read -r -a args <<<"${HOURGLASS_GPU_ARGS:-}"
total=${ACCEPTANCE_SECONDS:-530} repeats=${ACCEPTANCE_REPEATS:-20} burn=${ACCEPTANCE_BURN:-60}
raw=$(mktemp -d)
pids=()
trap 'for p in ${pids[@]+"${pids[@]}"}; do kill "$p" 2>/dev/null; done; rm -rf "$raw"' EXIT
: >"$raw/steps.tsv"
# Libraries that came along are for a machine that lacks them.
! ldd "$gpu" "$bin/test_gpu_real" 2>/dev/null | grep -q 'not found' || export LD_LIBRARY_PATH=$bin/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

nvml='' cuda=''
for ((i = 0; i < ${#args[@]}; i++)); do
  case ${args[i]} in --nvml) nvml=${args[i + 1]} ;; --cuda) cuda=${args[i + 1]} ;; esac
done

# --- steps -------------------------------------------------------------------------------------------
note() { # NAME STATUS SECONDS DETAIL
  printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" | tee -a "$raw/steps.tsv"
}
left() { echo $((total - SECONDS)); }
wanted() { [ -z "${ACCEPTANCE_STEPS:-}" ] || case " $ACCEPTANCE_STEPS " in *" $1 "*) ;; *) return 1 ;; esac; }
ms() { echo $(($(date +%s%N) / 1000000)); }
seconds() { awk -v ms="$1" 'BEGIN {printf "%.2f", ms / 1000}'; }
lack='' # why nothing can be run on a GPU
step() { # NAME LIMIT FILE COMMAND...: its output into FILE
  local name=$1 limit=$2 file=$3 from rc status detail
  shift 3
  wanted "${name%%-*}" || return 0
  [ -z "$lack" ] || { note "$name" skipped 0 "$lack"; return 1; }
  [ -x "$1" ] || command -v "$1" >/dev/null || { note "$name" skipped 0 "${1##*/} was not built"; return 1; }
  [ "$(left)" -gt 3 ] || { note "$name" skipped 0 "no time left of $total s"; return 1; }
  [ "$(left)" -gt "$limit" ] || limit=$(left)
  printf '%s: %s\n' "$name" "$*" >>"$raw/commands.txt"
  from=$(ms)
  timeout -k 3 "$limit" "$@" >"$raw/$file" 2>"$raw/$name.err" </dev/null
  rc=$?
  status="exit $rc" detail=$(head -c 200 "$raw/$name.err" | head -1 | tr '\t' ' ')
  [ $rc -eq 0 ] && status=ok
  [ $rc -ne 124 ] && [ $rc -ne 137 ] || status="no answer in $limit s"
  if head -c 9 "$raw/$file" | grep -q '^skipped: '; then status=skipped detail=$(head -1 "$raw/$file" | cut -c10-210); fi
  note "$name" "$status" "$(seconds $(($(ms) - from)))" "$detail"
  return $rc
}
check() { # NAME LIMIT FILE ARGUMENT...
  local name=$1 limit=$2 file=$3
  shift 3
  step "$name" "$limit" "$file" "$gpu" check -o json "$@" ${args[@]+"${args[@]}"}
}

facts() {
  echo "date: $(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "commit: $(git rev-parse HEAD 2>/dev/null || cat "$bin/commit" 2>/dev/null || echo unknown)"
  echo "program: $("$gpu" version 2>&1), $(stat -c %s "$gpu" 2>/dev/null) bytes"
  echo "system: $(uname -srm), $(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-}"), $(nproc) processors"
  echo "nvcc: $( (nvcc --version || /usr/local/cuda/bin/nvcc --version) 2>/dev/null | tail -1)"
  echo "cublas: $cublas"; echo "compute-sanitizer: $sanitizer"
  timeout 20 nvidia-smi 2>&1 | head -40
  timeout 20 nvidia-smi -q 2>&1 | head -400
}
library_find() {
  timeout 20 find /usr/local /usr/lib /opt "${HOME:-/root}" -xdev -name 'libcublas.so.1[0-9]' -print 2>/dev/null | sort -V | tail -1
}
cublas=${CUBLAS:-} sanitizer=${SANITIZER:-}

# --- what is here ------------------------------------------------------------------------------------
echo "hourglass-gpu on this machine's GPUs, at most $total s: $out"
if [ ! -x "$gpu" ]; then
  lack="no program: make gpu-pack"
elif ! timeout 20 "$gpu" list -o json ${args[@]+"${args[@]}"} >"$raw/list.json" 2>"$raw/list.err" </dev/null; then
  lack="no GPU: $(timeout 20 "$gpu" list ${args[@]+"${args[@]}"} 2>&1 </dev/null | head -1 | cut -c1-160)"
fi
if [ -z "$lack" ]; then
  [ -n "$cublas" ] || cublas=$(library_find)
  [ -n "$sanitizer" ] || sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null || true)
fi
cublas=${cublas:-none} sanitizer=${sanitizer:-none}
facts >"$raw/facts.txt" 2>&1
step list 20 list.json "$gpu" list -o json ${args[@]+"${args[@]}"}
step checks 5 checks.json "$gpu" checks -o json
check state 10 state.json --tier state
check quick 60 quick.json --tier quick
step nvml 20 nvml.jsonl "$bin/nvml" $nvml
step context 30 context.json "$bin/hold" 0 0 $cuda
step inside 60 inside.txt "$bin/inside" arithmetic,tensor ${nvml:+"$nvml" "$cuda"}
check patterns 40 patterns.json --only memory_patterns
check speeds 30 speeds.json --only memory_read,memory_write,memory_copy,launch_latency,pcie_to_gpu,pcie_from_gpu
check burn $((burn + 60)) burn.json --tier burn --burn "${burn}s" \
  --only matmul_bf16,matmul_fp16,matmul_tf32,burn_clocks,burn_temperature,burn_power,burn_ecc

# --- ours beside NVIDIA's, with the power that each draws ------------------------------------------------
watched() { # NAME: telemetry until the next kill
  "$gpu" watch -e 500ms -n 60 -o json ${nvml:+--nvml "$nvml"} >"$raw/power-$1.jsonl" 2>/dev/null </dev/null &
  pids=($!)
}
unwatched() { kill "${pids[@]}" 2>/dev/null; wait "${pids[@]}" 2>/dev/null; pids=(); }
load=$((burn < 12 ? burn : 12))
for kind in bf16 fp16 tf32; do
  wanted compare || break
  if [ -n "$lack" ] || [ "$cublas" = none ]; then
    note "compare-$kind" skipped 0 "${lack:-no libcublas.so here}"
    continue
  fi
  watched "ours-$kind"
  ACCEPTANCE_STEPS='' check "ours-$kind" 40 "ours-$kind.json" --tier burn --burn "${load}s" --only "matmul_$kind"
  unwatched
  watched "cublas-$kind"
  LD_LIBRARY_PATH=$(dirname "$cublas")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} ACCEPTANCE_STEPS='' \
    step "cublas-$kind" 40 "cublas-$kind.jsonl" "$bin/cublas" "$kind" $((load / 3 + 1)) "$cublas" $cuda
  unwatched
done

# --- as on a machine whose build had no nvcc: the driver compiles the kernels ------------------------------
CUDA_CACHE_PATH=$raw/cache step ptx-cold 60 ptx-cold.json "$gpu_ptx" check -o json --tier quick ${args[@]+"${args[@]}"}
CUDA_CACHE_PATH=$raw/cache step ptx-warm 60 ptx-warm.json "$gpu_ptx" check -o json --tier quick ${args[@]+"${args[@]}"}
rm -rf "$raw/cache"

# --- memory and race checkers: little memory is left free, so that its checks are short ---------------------
kernels=launch_latency,memory_read,memory_write,memory_copy,memory_patterns,arithmetic,tensor,matmul_bf16,matmul_fp16,matmul_tf32
sanitize() { # TOOL...: in one process, since our own parent never opens the GPU and a tool may wait for that
  local tool i held=''
  wanted sanitizer || return
  if [ -z "$lack" ] && [ "$sanitizer" != none ] && [ -x "$bin/hold" ]; then
    "$bin/hold" 4096 200 $cuda >"$raw/held.json" </dev/null & held=$!
    pids=("$held")
    for ((i = 0; i < 100; i++)); do [ -s "$raw/held.json" ] && break; sleep 0.1; done
  fi
  for tool; do
    if [ -n "$lack" ] || [ "$sanitizer" = none ]; then
      note "sanitizer-$tool" skipped 0 "${lack:-no compute-sanitizer here}"
      continue
    fi
    step "sanitizer-$tool" 50 "$tool.txt" "$sanitizer" --tool "$tool" --target-processes all --error-exitcode 9 \
      --log-file "$raw/$tool.log" "$bin/inside" "$kernels" ${nvml:+"$nvml" "$cuda"}
  done
  [ -z "$held" ] || { kill "$held" 2>/dev/null; wait "$held" 2>/dev/null; pids=(); }
}
sanitize memcheck racecheck

step watch 20 watch.jsonl "$gpu" watch --count 10 -o json ${nvml:+--nvml "$nvml"}
[ ${#args[@]} -gt 0 ] || HOURGLASS_BUILD=$bin step test 60 test.log "$bin/test_gpu_real"

# --- no false alarm -------------------------------------------------------------------------------------
if wanted repeats && [ -n "$lack" ]; then note repeats skipped 0 "$lack"; fi
for ((i = 1; i <= repeats; i++)); do
  wanted repeats && [ -z "$lack" ] || break
  ACCEPTANCE_STEPS='' check "repeat-$i" 60 repeat.json --tier quick
  [ -s "$raw/repeat.json" ] && tr -d '\n' <"$raw/repeat.json" >>"$raw/repeats.jsonl" && echo >>"$raw/repeats.jsonl"
  rm -f "$raw/repeat.json"
done

sanitize synccheck initcheck # if there is time

# --- what is left ----------------------------------------------------------------------------------------
if [ -x "$bin/summary" ]; then "$bin/summary" "$raw" >"$raw/summary.md" 2>"$raw/summary.err"; else echo "no summary: its program was not built" >"$raw/summary.md"; fi
tar -C "$raw" -czf "$out/raw.tar.gz" . 2>/dev/null
for file in summary.md facts.txt steps.tsv quick.json burn.json repeats.jsonl nvml.jsonl; do
  [ -s "$raw/$file" ] && [ "$(stat -c %s "$raw/$file")" -lt $((15 << 20)) ] && cp "$raw/$file" "$out/$file"
done
cat "$raw/summary.md"
exit 0
