#!/usr/bin/env bash
# run.sh: what `make run` does once everything is built: start hourglassd on its own database (or find it
# running), then open the console. Where standard output is no terminal, do the main job through the command
# line instead, print it, and exit 0 only if every step did what it says.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/build/${PROFILE:-release}
state=${HOURGLASS_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/hourglass/try}
socket=$state/api.sock
mkdir -p "$state"
chmod 700 "$state"

cat >"$state/hourglassd.yaml" <<END
# Written by each 'make run'.
listen: unix:$socket
state_dir: $state
catalogue: $PWD/share/catalogue.yaml
ready_file: $state/ready
seed: true
seed_organization: Example organization
seed_grant: "250.00"
seed_grant_days: 90
seed_token_file: $state/owner.token
END
cat >"$state/console.yaml" <<END
# Written by each 'make run'.
profile: try
profiles:
  - name: try
    url: unix:$socket
    token_file: $state/owner.token
END

hg() { "$bin/hourglass" "$@" --config "$state/console.yaml"; }
answers() { hg me >/dev/null 2>&1; }

# Leave a server that is there alone; stop only the one started here. Instances outlive both.
daemon=
start() {
  answers && return
  rm -f "$state/ready"
  "$bin/hourglassd" --config "$state/hourglassd.yaml" >>"$state/hourglassd.log" 2>&1 &
  daemon=$!
  for _ in $(seq 200); do
    [ -e "$state/ready" ] && answers && return
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.05
  done
  echo "make run: hourglassd does not answer; its last lines:" >&2
  tail -5 "$state/hourglassd.log" >&2
  exit 1
}
stop() {
  [ -n "$daemon" ] || return 0
  kill -TERM "$daemon" 2>/dev/null || true
  wait "$daemon" 2>/dev/null || true
  daemon=
}
trap stop EXIT

# A field of the JSON that a command printed: `value FIELD`, `micros FIELD`.
value() { sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" <<<"$json" | head -1; }
micros() { sed -n "/^  \"$1\": {/,/}/s/.*\"amount_micros\": \(-\{0,1\}[0-9]*\).*/\1/p" <<<"$json" | head -1; }
step=0
fail() { echo "make run: step $step: $*" >&2; exit 1; }
say() { step=$((step + 1)); printf '\n--- %d. %s\n' "$step" "$1"; }
show() { printf '$ hourglass %s\n' "$*"; hg "$@" || fail "'hourglass $*' ended with $?"; }
quiet() { json=$(hg "$@" -o json) || fail "'hourglass $*' ended with $?"; }

transcript() {
  local instance job before after output
  say "who am I, and what is there to rent in this machine's zone"
  show me
  show offer list --zone local
  quiet offer list
  [ "$(grep -c '"id":' <<<"$json")" -ge 10 ] || fail "the catalogue has fewer offers than its file"

  say "what would it cost: the same request, dry"
  show instance launch --offer local-gpu-1.local --for 1h --dry-run
  quiet credit show
  before=$(micros left)
  [ "${before:-0}" -gt 0 ] || fail "there is no credit"

  say "launch, wait for the health check and for running"
  quiet instance launch --offer local-gpu-1.local --for 1h --name first --yes --wait
  instance=$(value id)
  [ "$(value state)" = running ] || fail "it is $(value state), not running"
  [ "$(value billing)" = on ] || fail "billing is $(value billing)"
  [ "$(value gate_verdict)" != none ] || fail "no check was made before billing"
  show instance show "$instance"

  say "submit a job from its file and follow its output"
  quiet job submit share/examples/hello.yaml --instance "$instance"
  job=$(value id)
  printf '$ hourglass job logs -f %s\n' "$job"
  # Shown as it comes. Not by a name such as /dev/stderr: opened anew, a log file would be cut to nothing.
  output=$(hg job logs -f "$job" | while IFS= read -r line; do printf "%s\n" "$line"; printf "%s\n" "$line" >&3; done) ||
    fail "the job did not succeed"
  [ -n "$output" ] || fail "the job printed nothing"
  quiet job show "$job"
  [ "$(value state)" = succeeded ] && [ "$(value exit_code)" = 0 ] || fail "the job is $(value state)"
  [ "$output" = "$(hg job logs "$job")" ] || fail "the kept output is not what was followed"

  say "credit falls by the second"
  show credit show
  quiet credit show
  before=$(micros left)
  sleep 2
  quiet credit show
  after=$(micros left)
  [ "$after" -lt "$before" ] || fail "it did not fall: $before, then $after micros"
  echo "two seconds later: $before -> $after micro-units"

  say "stop everything"
  quiet instance delete "$instance" --yes --wait
  [ "$(value state)" = terminated ] || fail "it is $(value state), not terminated"
  show usage list --instance "$instance"
  quiet credit show
  [ "$(micros held)" = 0 ] && [ "$(micros accrued)" = 0 ] || [ "$(value running_count)" != 0 ] ||
    fail "credit is still held: $(micros held) micro-units"
  show credit entries --instance "$instance"
  show instance list --limit 5

  say "stop the server, start it again: the same state"
  before=$(micros left)
  stop
  start
  quiet instance show "$instance"
  [ "$(value state)" = terminated ] || fail "after a restart it is $(value state)"
  quiet credit show
  [ "$(micros left)" -le "$before" ] || fail "credit rose by a restart"
  echo "found again: $instance terminated, $(micros left) micro-units left"
  printf '\nevery step did what it says\n'
}

start
if [ -t 1 ] && [ -t 0 ]; then
  "$bin/hourglass" --config "$state/console.yaml" || true
  running=$(hg instance list --state running 2>/dev/null | tail -n +2 | wc -l || echo 0)
  if [ "${running:-0}" -gt 0 ]; then
    echo "$running instance(s) still run and cost credit; 'make run' finds them again, and"
    echo "  $bin/hourglass --config $state/console.yaml instance list"
  fi
else
  transcript 3>&1
fi
