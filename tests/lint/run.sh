#!/usr/bin/env bash
# The house rules, as programs: layering, lengths, banned calls, format, static analysis. Prints what is
# wrong and where; exit 1 if anything is. FAST=1 leaves out the analysers.
set -u
cd "$(dirname "$0")/../.."
rc=0
mapfile -t c < <(git ls-files -co --exclude-standard '*.c' '*.h' '*.cu' | while read -r f; do [ -f "$f" ] && echo "$f"; done)
step() { local name=$1; shift; local out; if out=$("$@" 2>&1); then printf '%-28s ok\n' "$name"; else printf '%-28s FAILED\n%s\n' "$name" "$out"; rc=1; fi; }

format() {
  local major; major=$(clang-format --version | grep -oE 'version [0-9]+' | grep -oE '[0-9]+')
  # The releases differ in details: the house is formatted by 14 (Debian 12).
  [ "$major" = 14 ] || { echo "clang-format $major is not 14"; return 0; }
  printf '%s\n' "${c[@]}" | grep -v '\.def\.h$' | xargs clang-format --dry-run -Werror 2>&1 | grep -E 'error:' | head -40
  return "${PIPESTATUS[2]}"
}
secrets() { # no path of a machine, no private key
  ! git grep -nIE '(-----BEGIN [A-Z ]*PRIVATE KEY|/home/[a-z]+/[a-z]|/root/\.)' -- . ':!tests/lint/run.sh' ':!docs'
}
unused() { # a global function that only its own file uses should be static
  local build=build/${PROFILE:-debug}; ls "$build"/obj >/dev/null 2>&1 || return 0
  local defined used
  defined=$(find "$build/obj/api" "$build/obj/tui" "$build/obj/common" "$build/obj/gpu" -name '*.o' -print0 2>/dev/null | xargs -0r nm -A 2>/dev/null | awk '$2 == "T" || $3 == "T" {print $NF}' | sort -u)
  used=$(find "$build/obj" -name '*.o' -print0 | xargs -0r nm 2>/dev/null | awk '$1 == "U" {print $2}' | sort -u)
  local lone; lone=$(comm -23 <(printf '%s\n' "$defined") <(printf '%s\n' "$used") | grep -vxE 'main|_start' || true)
  # A contract's function may wait for its first caller only if a header declares it.
  local bad=""; for f in $lone; do grep -rqw --include='*.h' "$f" include api tui gpu common || bad+="$f "; done
  [ -z "$bad" ] || { echo "make static: $bad"; return 1; }
}
check_cppcheck() { cppcheck --quiet --std=c11 --language=c --error-exitcode=1 --inline-suppr --suppressions-list=tests/lint/cppcheck.txt --enable=warning,portability -I. -Iinclude -j 2 common tui api gpu; }
TIDY_CHECKS='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,bugprone-*'
TIDY_CHECKS+=',-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-narrowing-conversions'
TIDY_CHECKS+=',-bugprone-implicit-widening-of-multiplication-result,-bugprone-branch-clone,-bugprone-suspicious-include'
# clang 14 takes every va_start() for none.
TIDY_CHECKS+=',-clang-analyzer-valist.Uninitialized,-bugprone-macro-parentheses,-bugprone-sizeof-expression,-bugprone-assignment-in-if-condition'
export TIDY_CHECKS
check_tidy() { # the analyser and the bug checks, file by file on all cores
  local out; out=$(mktemp)
  git ls-files -co --exclude-standard 'common/*.c' 'api/*.c' 'tui/*.c' 'gpu/*.c' | xargs -P "$(nproc)" -n 4 bash -c \
    'clang-tidy --quiet --warnings-as-errors="*" --checks="$TIDY_CHECKS" "$@" -- -std=gnu11 -I. -Iinclude -D_GNU_SOURCE -DHOURGLASS_VERSION="\"lint\"" -Wno-everything 2>/dev/null' tidy >"$out"
  local failed=$?
  grep -E '(error|warning):' "$out" | sort -u | head -60
  rm -f "$out"
  return $failed
}

called() { # a function of a driver's library that nothing calls is one more that a driver may lack
  local lib m bad=''
  for lib in cuda nvml amd; do
    for m in $(sed -nE 's/^[A-Z]+\(([a-z0-9_]+), ".*/\1/p' gpu/$lib.def.h); do
      git grep -qE "(->|\.|CALL\(.*, )$m\b" -- 'gpu/*.c' 'tests/gpu/acceptance/*.c' || bad+="$lib's $m "
    done
  done
  [ -z "$bad" ] || { echo "nothing calls $bad"; return 1; }
}

named_tests() { # a document that names a test names one that exists
  local rc=0 t; for t in $(grep -ohE '`test_[a-z_]+`' docs/*.md docs/*/*.md README.md CONTRIBUTING.md | tr -d '`' | sort -u); do
    ls tests/*/"$t".c >/dev/null 2>&1 || { echo "docs name $t, which is no test"; rc=1; }
  done; return $rc
}

step "layers" awk -f tests/lint/layers.awk tests/lint/layers.txt "${c[@]}"
step "lengths, words, places" awk -f tests/lint/tidy.awk "${c[@]}"
step "format" format
step "no secrets, no paths" secrets
step "headers stand alone" make --no-print-directory -s headers
step "scripts parse" bash -c 'for s in $(git ls-files -co --exclude-standard "*.sh" .ci/run); do bash -n "$s" || exit 1; done'
step "no lone globals" unused
step "kernels match" gpu/kernel/ptx.sh --check
step "as in cuda.h" tests/lint/cuda.sh
step "what is looked up is called" called
step "documents name tests" named_tests
if [ -z "${FAST:-}" ]; then
  step "cppcheck" check_cppcheck
  step "clang-tidy" check_tidy
fi
[ $rc = 0 ] && echo "lint: clean"
exit $rc
