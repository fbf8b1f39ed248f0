#!/usr/bin/env bash
# run.sh FUZZER.c...: build each fuzzer with $CC and libFuzzer, run it for $SECONDS_EACH seconds, print one line
# each. Exit 1 if one finds something; what it found lies under build/fuzz/NAME/.
set -u
cc=${CC:-clang} seconds=${SECONDS_EACH:-60} out=build/fuzz bad=0
command -v "$cc" >/dev/null || { echo "fuzz: no $cc: install clang (share/packages.txt)" >&2; exit 1; }
[ $# -gt 0 ] || { echo "fuzz: no fuzzer given" >&2; exit 1; }
mkdir -p "$out"
wanted="jansson yaml-0.1 libsodium libcurl"
# shellcheck disable=SC2086
libs=$(pkg-config --libs $wanted) && cflags=$(pkg-config --cflags $wanted) || exit 1
flags="-std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined -Werror=implicit-function-declaration -D_GNU_SOURCE -I. -Iinclude -include core/banned.h -DHOURGLASS_VERSION=\"fuzz\" $cflags"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# What all fuzzers link against is built once.
objects=()
for source in common/*/*.c gpu/*.c gpu/*/*.c; do
  [ "$source" = gpu/main.c ] && continue
  object=$out/obj/${source%.c}.o
  mkdir -p "$(dirname "$object")"
  # shellcheck disable=SC2086
  "$cc" $flags -fsanitize=fuzzer-no-link,address,undefined -c -o "$object" "$source" 2>"$out/build.log" ||
    { echo "fuzz: cannot build $source"; cat "$out/build.log"; exit 1; }
  objects+=("$object")
done
for source in "$@"; do
  name=$(basename "$source" .c)
  mkdir -p "$out/$name/corpus" "$out/$name/found"
  # shellcheck disable=SC2086
  "$cc" $flags -fsanitize=fuzzer,address,undefined -o "$out/$name/$name" "$source" "${objects[@]}" $libs -l:libz.a -lpthread -ldl -lm 2>"$out/build.log" ||
    { echo "fuzz: cannot build $source"; cat "$out/build.log"; exit 1; }
  log=$out/$name/log seeds=()
  [ -d "tests/fuzz/seeds/$name" ] && seeds=("tests/fuzz/seeds/$name")
  timeout -k 10 $((seconds + 120)) "$out/$name/$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$out/$name/found/" "$out/$name/corpus" "${seeds[@]}" >"$log" 2>&1
  rc=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
  printf '%-20s %9s runs %6s edges %4s s  %s\n' "$name" "${runs:-?}" "${coverage:-?}" "$seconds" "$([ $rc -eq 0 ] && echo ok || echo "FOUND SOMETHING, see $log")"
  [ $rc -eq 0 ] || { bad=1; grep -m1 -A15 'ERROR\|SUMMARY\|runtime error' "$log"; }
done
exit $bad
