#!/usr/bin/env bash
# run.sh TEST...: run test programs, one line each, and one line for all. T=name picks one (test_money or money),
# K='*pattern*' picks tests inside it, WRAP=command runs each under it.
set -u
build=build/${PROFILE:-debug}
export HOURGLASS_BUILD=$PWD/$build HOURGLASS_SOURCE=$PWD
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}
export LC_ALL=C.UTF-8 TZ=UTC
logs=$build/test-logs; mkdir -p "$logs"
passed=0 failed=0 skipped=0 bad=()
for t in "$@"; do
  name=$(basename "$t"); kind=$(basename "$(dirname "$t")")
  [ -z "${T:-}" ] || [ "$name" = "$T" ] || [ "$name" = "test_$T" ] || continue
  log=$logs/$kind-$name.log
  start=$(date +%s%N)
  timeout -k 10 "${TEST_SECONDS_MAX:-600}" ${WRAP:-} "$t" </dev/null >"$log" 2>&1
  rc=$?
  ms=$(( ($(date +%s%N) - start) / 1000000 ))
  p=$(grep -c '^\[       OK \]' "$log"); s=$(grep -c '^\[  SKIPPED \] [a-zA-Z]' "$log"); f=$(grep -c '^\[  FAILED  \] [a-zA-Z]' "$log")
  # cmocka lists each failed or skipped test twice: when it happens and in the summary.
  f=$(( (f + 1) / 2 )); s=$(( (s + 1) / 2 ))
  # A program that crashed, timed out or ran nothing is a failure even if no line says so.
  if [ $rc -ne 0 ] && [ $f -eq 0 ]; then f=1; fi
  if [ $rc -eq 0 ] && [ $((p + s)) -eq 0 ] && [ -z "${K:-}" ]; then f=1; echo "no test ran" >>"$log"; rc=1; fi
  passed=$((passed + p)); failed=$((failed + f)); skipped=$((skipped + s))
  printf '%-8s %-32s %4d passed %3d failed %3d skipped %7d ms\n' "$kind" "$name" "$p" "$f" "$s" "$ms"
  if [ $rc -ne 0 ]; then bad+=("$log"); fi
done
for log in "${bad[@]:-}"; do [ -n "$log" ] && { echo "--- $log"; grep -v '^\[ RUN\|^\[       OK' "$log" | tail -60; }; done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
