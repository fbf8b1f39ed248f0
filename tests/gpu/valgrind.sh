#!/usr/bin/env bash
# valgrind.sh: hourglass-gpu on fake GPUs with each of its processes under valgrind. A process that asks a driver
# ends without letting go (a driver may hang in that), so what is still reachable then is no leak.
set -u
cd "$(dirname "$0")/../.."
build=build/debug
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
printf 'count 2\n' >"$logs/two"
printf 'count 2\ngpu1.field.144 1\ngpu1.fault.0 stuck 0x152344 5 0\ngpu1.fault.1 wrong fp32 1 22\n' >"$logs/ill"
fake=$PWD/$build/fake bad=0

play() { # NAME EXIT-CODE ARGUMENT...
  local name=$1 wanted=$2 code; shift 2
  mkdir "$logs/$name"
  valgrind -q --trace-children=yes --leak-check=full --errors-for-leak-kinds=definite,indirect \
    --log-file="$logs/$name/%p" "$build/hourglass-gpu" "$@" >"$logs/said" 2>&1
  code=$?
  if [ $code != "$wanted" ] || [ -n "$(cat "$logs/$name"/*)" ]; then
    bad=1
    echo "valgrind: $name ended with $code, not $wanted, or:"; head -40 "$logs/said"; cat "$logs/$name"/* | head -60
  else
    echo "valgrind: $name is clean"
  fi
}

export HOURGLASS_FAKE_NVML=$logs/two HOURGLASS_FAKE_AMD=$logs/two
none=/nonexistent/library
play no_driver 3 check --nvml $none --amd $none
play list 0 list --nvml "$fake/nvml.so" --amd "$fake/rocm_smi.so"
play old_driver 0 check --nvml "$fake/nvml_old.so" --amd $none --deadline 2m
play amd 0 check --nvml $none --amd "$fake/rocm_smi.so" --deadline 2m
play watch 0 watch --nvml "$fake/nvml.so" -n 2 -o prometheus
play quick 0 check --nvml "$fake/nvml.so" --amd $none --cuda "$fake/cuda.so" --tier quick --deadline 9m
HOURGLASS_FAKE_NVML=$logs/ill play faults 1 check --nvml "$fake/nvml.so" --amd $none --cuda "$fake/cuda.so" \
  --tier quick --deadline 9m
exit $bad
