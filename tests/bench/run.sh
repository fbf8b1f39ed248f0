#!/usr/bin/env bash
# run.sh [GROUP...]: measure each figure next to its peer in the same run, print a table and write
# build/bench.tsv. Groups: offers list launch start memory console gpu; `api` is the first four; none is all.
#
# Columns, separated by tabs, one line of names first:
#   name        of the figure
#   value       median of the rounds
#   unit
#   peer        what it is measured against in the same run, `-` where there is none
#   peer_value  its median, in the same unit
#   ratio       value / peer_value
#   goal        `>=0.5` or `<=20`: of the ratio where there is a peer, else of the value; `-`: only shown
#   met         yes, no, `-`, or `skipped: why`
# A missed goal is reported and does not fail. Rounds alternate between figure and peer, so that a machine
# whose speed drifts drifts for both. Everything is on loopback and in the build folder, which needs 1.5 GB
# for as long as it runs; everything started here is stopped here. BENCH_ROUNDS and BENCH_SECONDS change how
# often and how long.
#
# What is fair here, and what is not:
#   - offers, instances: one HTTP thread of ours, one process of nginx, one thread of the bare loop, all on the
#     same processor; wrk has the other one and 64 connections. `_by_default` is the server as it is started
#     without options, sharing all processors with wrk. `_cpu` is processor time of the server.
#   - instances: the bare loop calls the server's own query and encoder, and first makes sure that it makes the
#     same bytes. What is left is HTTP, authentication and the socket.
#   - launches: the bare loop learns its statements and values by tracing real launches, and always has 64 of
#     them in one commit (WAL, synchronous=FULL). The server has what came in meanwhile, savepoints, the clients
#     on the same processors, and a worker that writes what becomes of each instance: the peer is the bound.
#   - pgbench -N is another, smaller transaction (one update, one insert; default settings, durable), beside it
#     to tell what this disk and machine give a known database.
#   - memory is RssAnon: of the server after its load, of the console after two idle seconds, of hourglass-run
#     with one instance, of hourglass-gpu at its end (with a driver it is the driver's).
#   - gpu_check_without_driver is from fork to the end, of libraries that do not exist, on any machine; `true` in
#     its place is what starting a program costs here. watch_ is of a driver that answers at once: a real one adds its
#     own.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/build/${PROFILE:-release}
bin=$build/bench
rounds=${BENCH_ROUNDS:-3} seconds=${BENCH_SECONDS:-6}
clients=64 organizations=10000 instances=100000 offer=local-cpu-2.local
tsv=$PWD/build/bench.tsv
work=$(mktemp -d "$build/bench-work.XXXXXX")
chmod 755 "$work"
pids=()

# --- starting and stopping -------------------------------------------------------------------------
end() { # PID [SIGNAL]
  kill "-${2:-TERM}" "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
  local left=() p
  for p in "${pids[@]}"; do [ "$p" = "$1" ] || left+=("$p"); done
  pids=("${left[@]+"${left[@]}"}")
}
clean() {
  local p
  for p in "${pids[@]+"${pids[@]}"}"; do kill -TERM "$p" 2>/dev/null || true; done
  for p in "${pids[@]+"${pids[@]}"}"; do wait "$p" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM
fail() { echo "bench: $*" >&2; exit 1; }
free_port() {
  local p
  for _ in $(seq 50); do
    p=$((20000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
  done
  fail "no free port"
}
await() { # SECONDS COMMAND...
  local n=$(($1 * 50)); shift
  while ! "$@" >/dev/null 2>&1; do
    n=$((n - 1)); [ $n -gt 0 ] || return 1
    sleep 0.02
  done
}
# With two processors: the server on the first, who asks it on the second.
first=() second=()
processors=($(awk '/^Cpus_allowed_list:/ {
  for (n = split($2, part, ","); n > 0; n--) {split(part[n], r, "-"); for (c = r[1]; c <= (r[2] == "" ? r[1] : r[2]); c++) print c}}' \
  /proc/self/status | sort -n | head -2))
[ ${#processors[@]} -lt 2 ] || first=(taskset -c "${processors[0]}") second=(taskset -c "${processors[1]}")
daemon= port=
serve() { # first|all DIR CATALOGUE FLAG...
  local dir=$2 catalogue=$3 on=()
  [ "$1" != first ] || on=("${first[@]}")
  shift 3
  port=$(free_port)
  rm -f "$dir/ready"
  "${on[@]}" "$build/hourglassd" --listen "127.0.0.1:$port" --state-dir "$dir" --catalogue "$catalogue" \
    --ready-file "$dir/ready" --log-level warn "$@" >>"$work/hourglassd.log" 2>&1 &
  daemon=$!
  pids+=("$daemon")
  await 20 test -e "$dir/ready" || { tail -5 "$work/hourglassd.log" >&2; fail "hourglassd does not answer"; }
}
ask() { "$bin/ask" "$port" "$token" "$@"; }
used_us() { awk -v hz="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); printf "%.0f\n", ($12 + $13) * 1000000 / hz}' "/proc/$1/stat"; }
rss() { awk '/^RssAnon:/ {printf "%.2f\n", $2 / 1024}' "/proc/$1/status"; }

# --- figures ---------------------------------------------------------------------------------------
median() { sort -g | awk '{v[NR] = $1} END {if (NR % 2) print v[(NR + 1) / 2]; else print (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
values() { printf '%s\n' "$@" | median; }
row() { printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$@" >>"$tsv"; }
holds() { awk -v v="$1" -v g="$2" 'BEGIN {n = substr(g, 3) + 0; exit !(substr(g, 1, 2) == ">=" ? v + 0 >= n : v + 0 <= n)}'; }
met() { if [ "$2" = - ]; then echo -; elif holds "$1" "$2"; then echo yes; else echo no; fi; }
figure() { row "$1" "$2" "$3" - - - "$4" "$(met "$2" "$4")"; } # NAME VALUE UNIT GOAL
beside() { # NAME VALUE UNIT PEER PEER_VALUE GOAL
  local ratio; ratio=$(awk -v a="$2" -v b="$5" 'BEGIN {printf "%.2f", int(a / b * 100) / 100}') # never rounded up to a goal
  row "$1" "$2" "$3" "$4" "$5" "$ratio" "$6" "$(met "$ratio" "$6")"
}
skip() { row "$1" - "$2" "${3:--}" - - "${4:--}" "skipped: $5"; } # NAME UNIT PEER GOAL WHY
mib() { awk -v kib="$1" 'BEGIN {printf "%.2f", kib / 1024}'; }
say() { printf 'bench: %s\n' "$*" >&2; }

# What wrk saw: requests per second, p99 in ms, processor time of the server in us per request. Anything but
# 2xx is no measurement; then `why` says so.
asked=() why=
hammer() { # URL PID
  local out before spent
  before=$(used_us "$2")
  out=$("${second[@]}" wrk -t1 -c"$clients" -d"${seconds}s" --latency -H "Authorization: Bearer $(cat "$token")" "$1" 2>&1) ||
    { why="wrk: $(head -1 <<<"$out")"; return 1; }
  spent=$(($(used_us "$2") - before))
  if grep -qE 'Non-2xx|Socket errors' <<<"$out"; then
    why=$(grep -E 'Non-2xx|Socket errors' <<<"$out" | head -1 | sed 's/^ *//')
    return 1
  fi
  asked=($(awk -v us="$spent" '/Requests\/sec:/ {rate = $2} / requests in / {count = $1}
    $1 == "99%" {n = $2 + 0; if ($2 ~ /us$/) n /= 1000; else if ($2 !~ /ms$/) n *= 1000; p99 = n}
    END {printf "%.0f %.2f %.1f\n", rate, p99, us / count}' <<<"$out"))
}

# --- what is stored ----------------------------------------------------------------------------------
# Filled once for each schema; every figure works on a copy.
data= token=
fill() {
  local key; key=$(cat api/store/schema_sqlite.def.h tests/bench/fill.c | cksum | cut -d' ' -f1)
  data=$build/bench-data/$key-$organizations-$instances
  token=$data/token
  if [ ! -e "$token" ]; then
    say "filling a database with $organizations organizations and $instances instances, once"
    rm -rf "$build/bench-data"
    mkdir -p "$data"
    "$bin/fill" "$data/hourglass.db" "$token" "$organizations" "$instances"
  fi
}
copy() { # DIR: on the disk before anything is timed
  rm -rf "$1"; mkdir -p "$1"
  cp --reflink=auto "$data/hourglass.db" "$1/hourglass.db"
  sync -f "$1"
}
# The zone `local` run by the engine that simulates, with stock for as long as it takes.
catalogue_sim() {
  awk '/^[a-z_]+:/ {part = $1; mine = 0} /^  - name:/ {mine = $3 == "local" || $3 == "local-cpu"}
    part == "zones:" && mine {sub("engine: local", "engine: sim")}
    part == "pools:" && mine {sub("capacity_units: .*", "capacity_units: 10000000")} {print}' \
    share/catalogue.yaml >"$work/catalogue.yaml"
}

# --- GET /v1/offers beside nginx with the same bytes ----------------------------------------------------
nginx_start() { # FILE PORT
  mkdir -p "$work/nginx/www/v1" "$work/nginx/tmp"
  cp "$1" "$work/nginx/www/v1/offers"
  chmod -R a+rX "$work/nginx"
  cat >"$work/nginx/nginx.conf" <<END
master_process off;
daemon off;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; default_type application/json;
  keepalive_requests 100000000; open_file_cache max=16; open_file_cache_valid 1h;
  client_body_temp_path $work/nginx/tmp; proxy_temp_path $work/nginx/tmp; fastcgi_temp_path $work/nginx/tmp;
  uwsgi_temp_path $work/nginx/tmp; scgi_temp_path $work/nginx/tmp;
  server { listen 127.0.0.1:$2; root $work/nginx/www; }
}
END
  "${first[@]}" "$(command -v nginx || echo /usr/sbin/nginx)" -c "$work/nginx/nginx.conf" -e "$work/nginx/error.log" &
  nginx=$!
  pids+=("$nginx")
  await 10 eval "(exec 3<>/dev/tcp/127.0.0.1/$2)" || fail "nginx does not answer"
}
bench_offers() {
  local dir=$work/reads own=() p99=() cost=() peer=() peer_p99=() peer_cost=() nginx nginx_port bad= bytes
  say "GET /v1/offers beside nginx"
  copy "$dir"
  serve first "$dir" share/catalogue.yaml --engine none --http-threads 1
  ask GET /v1/offers >"$work/offers.json"
  bytes=$(stat -c %s "$work/offers.json")
  nginx_port=$(free_port)
  nginx_start "$work/offers.json" "$nginx_port"
  for _ in $(seq "$rounds"); do
    hammer "http://127.0.0.1:$port/v1/offers" "$daemon" || { bad=$why; break; }
    own+=("${asked[0]}"); p99+=("${asked[1]}"); cost+=("${asked[2]}")
    hammer "http://127.0.0.1:$nginx_port/v1/offers" "$nginx" || { bad="nginx: $why"; break; }
    peer+=("${asked[0]}"); peer_p99+=("${asked[1]}"); peer_cost+=("${asked[2]}")
  done
  end "$nginx" QUIT
  end "$daemon"
  rm -rf "$dir"
  if [ -n "$bad" ]; then
    skip offers "requests/s" nginx ">=0.5" "$bad"
    return
  fi
  beside offers "$(values "${own[@]}")" "requests/s" "nginx, static file of $bytes bytes" "$(values "${peer[@]}")" ">=0.5"
  beside offers_p99 "$(values "${p99[@]}")" ms "nginx, the same" "$(values "${peer_p99[@]}")" -
  # Who asks may be what limits both: then this is what is left to compare.
  beside offers_cpu "$(values "${cost[@]}")" "us/request" "nginx, the same" "$(values "${peer_cost[@]}")" -
}

# --- GET /v1/instances?limit=50 beside the same query and JSON in a bare loop ----------------------------
bench_list() {
  local dir=$work/reads path='/v1/instances?limit=50' own=() p99=() all=() all_p99=() peer=() out bad=
  say "GET $path beside the same work without HTTP"
  copy "$dir"
  serve first "$dir" share/catalogue.yaml --engine none --http-threads 1
  ask GET "$path" >"$work/list.json"
  for _ in $(seq "$rounds"); do
    hammer "http://127.0.0.1:$port$path" "$daemon" || { bad=$why; break; }
    own+=("${asked[0]}"); p99+=("${asked[1]}")
    out=$("${first[@]}" "$bin/bare_list" "$dir/hourglass.db" "$token" share/catalogue.yaml "$seconds" "$work/list.json") ||
      { bad="the bare loop failed"; break; }
    peer+=("${out% *}")
  done
  end "$daemon"
  serve all "$dir" share/catalogue.yaml --engine none
  for _ in $(seq "$rounds"); do
    [ -z "$bad" ] && hammer "http://127.0.0.1:$port$path" "$daemon" || { bad=${bad:-$why}; break; }
    all+=("${asked[0]}"); all_p99+=("${asked[1]}")
  done
  rss_reads=$(rss "$daemon")
  end "$daemon"
  rm -rf "$dir"
  if [ -n "$bad" ]; then
    skip instances "requests/s" "the same query and JSON in a loop" ">=0.5" "$bad"
    return
  fi
  beside instances "$(values "${own[@]}")" "requests/s" "the same query and JSON in a loop" "$(values "${peer[@]}")" ">=0.5"
  figure instances_p99 "$(values "${p99[@]}")" ms "<=50"
  figure instances_by_default "$(values "${all[@]}")" "requests/s" -
  figure instances_by_default_p99 "$(values "${all_p99[@]}")" ms -
}

# --- durable launches beside the same statements, and beside PostgreSQL on the same disk --------------------
postgres= pg=
become=()
[ "$(id -u)" != 0 ] || become=(setpriv --reuid postgres --regid postgres --init-groups)
postgres_start() {
  local programs dir=$work/pg
  programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
  [ -n "$programs" ] && command -v pgbench >/dev/null || { pg="PostgreSQL is not installed"; return 1; }
  mkdir -p "$dir"
  [ "$(id -u)" != 0 ] || chown postgres "$dir"
  "${become[@]}" test -w "$dir" 2>/dev/null || { pg="the user postgres cannot enter this folder"; return 1; }
  "${become[@]}" "$programs/initdb" -D "$dir/data" -U bench -A trust -E UTF8 --locale=C.UTF-8 >"$work/pg.log" 2>&1 ||
    { pg="initdb failed"; return 1; }
  "${become[@]}" "$programs/postgres" -D "$dir/data" -c unix_socket_directories="$dir" -c listen_addresses= \
    -c max_connections=100 >>"$work/pg.log" 2>&1 &
  postgres=$!
  pids+=("$postgres")
  await 20 "$programs/pg_isready" -q -h "$dir" -U bench -d postgres || { pg="PostgreSQL does not answer"; return 1; }
  pgbench -q -i -s 10 -h "$dir" -U bench postgres >>"$work/pg.log" 2>&1 || { pg="pgbench -i failed"; return 1; }
  pg="pgbench -N -c $clients -j 2"
}
postgres_stop() {
  [ -z "$postgres" ] || end "$postgres" INT
  postgres=
}
launch_rounds() {
  local out
  for _ in $(seq "$rounds"); do
    copy "$work/launch"
    serve all "$work/launch" "$work/catalogue.yaml" --engine sim
    out=$("$bin/launch_load" "$port" "$token" "$offer" "$clients" "$seconds") || return 1
    own+=("$(cut -d' ' -f1 <<<"$out")"); p50+=("$(cut -d' ' -f2 <<<"$out")"); p99+=("$(cut -d' ' -f3 <<<"$out")")
    memory+=("$(rss "$daemon")")
    end "$daemon"
    copy "$work/launch"
    out=$("$bin/bare_launch" "$work/launch/hourglass.db" "$token" "$work/catalogue.yaml" "$offer" "$seconds") || return 1
    bare+=("${out% *}")
    statements=${out#* }
    [ "${pg#pgbench -N}" = "$pg" ] ||
      tps+=("$(pgbench -n -N -c "$clients" -j 2 -T "$seconds" -h "$work/pg" -U bench postgres 2>>"$work/pg.log" | awk '/^tps/ {printf "%.1f\n", $3}')")
  done
}
bench_launch() {
  local own=() p50=() p99=() bare=() tps=() memory=() statements=
  say "durable launches at $clients clients beside the same statements in a bare loop"
  catalogue_sim
  postgres_start || true
  if ! launch_rounds; then
    skip launches "launches/s" "bare SQLite loop" ">=0.5" "a launch was refused, or the loop failed"
    postgres_stop
    end "$daemon"
    return
  fi
  postgres_stop
  say "one launch executes: $("$bin/bare_launch" "$work/launch/hourglass.db" "$token" "$work/catalogue.yaml" "$offer" 1 list)"
  rm -rf "$work/launch"
  rss_launches=$(values "${memory[@]}")
  beside launches "$(values "${own[@]}")" "launches/s" "bare SQLite loop, its $statements statements" "$(values "${bare[@]}")" ">=0.5"
  figure launches_p50 "$(values "${p50[@]}")" ms -
  figure launches_p99 "$(values "${p99[@]}")" ms -
  if [ ${#tps[@]} -gt 0 ]; then
    beside launches_beside_postgres "$(values "${own[@]}")" "launches/s" "$pg" "$(values "${tps[@]}")" -
  else
    skip launches_beside_postgres "launches/s" "pgbench -N" - "$pg"
  fi
}

# --- start to ready ------------------------------------------------------------------------------------------
start_once() { # DIR
  "$bin/start" "$1/api.sock" "$build/hourglassd" --listen "unix:$1/api.sock" --state-dir "$1" \
    --catalogue share/catalogue.yaml --engine local --log-level error
}
bench_start() {
  local empty=() filled=()
  say "from exec to the first 200 of /readyz"
  copy "$work/start-filled"
  start_once "$work/start-filled" >/dev/null # the pools of the catalogue are written once
  for _ in $(seq $((2 * rounds + 1))); do
    rm -rf "$work/start-empty"; mkdir -p "$work/start-empty"
    empty+=("$(start_once "$work/start-empty")")
    filled+=("$(start_once "$work/start-filled")")
  done
  rm -rf "$work/start-filled"
  figure start_empty "$(values "${empty[@]}")" ms "<=50"
  figure start_filled "$(values "${filled[@]}")" ms "<=200"
}

# --- anonymous memory ------------------------------------------------------------------------------------------
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$2" | head -1; }
state_is() { [ "$(field state "$(ask GET "/v1/instances/$1")")" = "$2" ]; }
supervisor_of() { # DIR: the first hourglass-run that works below it
  local p
  for p in /proc/[0-9]*; do
    [ "$(readlink "$p/exe" 2>/dev/null)" = "$build/hourglass-run" ] || continue
    tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -q "$1" && { basename "$p"; return; }
  done | sort -n | head -1
}
memory_supervisor() {
  local dir=$work/local answer id pid
  copy "$dir"
  serve all "$dir" share/catalogue.yaml --engine local
  if answer=$(ask POST /v1/instances "{\"offer_id\":\"$offer\"}") && id=$(field id "$answer") &&
    await 20 state_is "$id" running && pid=$(supervisor_of "$dir") && [ -n "$pid" ]; then
    figure rss_hourglass_run "$(rss "$pid")" MiB -
  else
    skip rss_hourglass_run MiB - - "no instance runs here: $(field detail "${answer:-}")$(field state_detail "$(ask GET "/v1/instances/${id:-none}" || true)")"
  fi
  [ -z "${id:-}" ] || { ask DELETE "/v1/instances/$id" >/dev/null && await 60 state_is "$id" terminated || say "instance $id did not end"; }
  end "$daemon"
  rm -rf "$dir"
}
bench_memory() {
  local kib
  say "anonymous memory"
  [ -n "${rss_reads:-}" ] && figure rss_hourglassd_reads "$rss_reads" MiB "<=24"
  [ -n "${rss_launches:-}" ] && figure rss_hourglassd_launches "$rss_launches" MiB "<=24"
  memory_supervisor
  kib=$("$bin/rss_at_exit" "$build/hourglass-gpu" list 2>/dev/null) &&
    figure rss_hourglass_gpu "$(mib "$kib")" MiB - ||
    skip rss_hourglass_gpu MiB - - "it could not be watched"
}

# --- the console --------------------------------------------------------------------------------------------------
bench_console() {
  local dir=$work/console paint=() memory=() out
  if [ ! -x "$build/hourglass" ]; then
    skip rss_hourglass MiB - "<=4" "the console is not built"
    return
  fi
  say "the console: first paint, and memory after two idle seconds"
  copy "$dir"
  serve all "$dir" share/catalogue.yaml --engine none
  printf 'profile: bench\nprofiles:\n  - name: bench\n    url: http://127.0.0.1:%s\n    token_file: %s\n' "$port" "$token" >"$dir/console.yaml"
  for _ in $(seq "$rounds"); do
    out=$(HOME=$dir XDG_STATE_HOME=$dir XDG_CONFIG_HOME=$dir "$bin/console" "Organization 0" 2 "$build/hourglass" --config "$dir/console.yaml") ||
      { skip rss_hourglass MiB - "<=4" "the console did not show its data"; end "$daemon"; return; }
    paint+=("${out% *}"); memory+=("${out#* }")
  done
  end "$daemon"
  figure console_first_paint "$(values "${paint[@]}")" ms -
  figure rss_hourglass "$(mib "$(values "${memory[@]}")")" MiB "<=4"
}

# --- hourglass-gpu, without a driver and with one that is not real ------------------------------------------------------
bench_gpu_check() {
  local own=() peer=() us
  say "hourglass-gpu check without a driver beside true"
  for _ in $(seq $((8 * rounds + 1))); do
    us=$("$bin/run_once" 3 "$build/hourglass-gpu" check --nvml "$work/none.so" --amd "$work/none.so") ||
      { skip gpu_check_without_driver ms - "<=20" "it did not say that there is none"; return; }
    own+=("$us")
    peer+=("$("$bin/run_once" 0 true)")
  done
  local ms peer_ms
  ms=$(awk -v us="$(values "${own[@]}")" 'BEGIN {printf "%.2f", us / 1000}')
  peer_ms=$(awk -v us="$(values "${peer[@]}")" 'BEGIN {printf "%.2f", us / 1000}')
  figure gpu_check_without_driver "$ms" ms "<=20"
  beside gpu_check_beside_true "$ms" ms "true, started the same way" "$peer_ms" -
}
# All its processes together, at one sample a second of eight GPUs, scraped each second. A real driver adds its own
# time and memory; these are ours.
bench_gpu_watch() {
  local share=() memory=() pid all p where round
  for ((round = 0; round < rounds; round++)); do
    rm -f "$work/watch" "$work/where" # else what the last round left is taken for this one's
    "$build/hourglass-gpu" watch --nvml "$build/fake/nvml.so" --listen 127.0.0.1:0 -o json >"$work/watch" 2>"$work/where" &
    pid=$!
    pids+=("$pid")
    await 10 test -s "$work/watch" -a -s "$work/where" || fail "hourglass-gpu watch shows nothing"
    where=$(sed -n 's/.* at //p' "$work/where")
    all="$pid $(pgrep -P "$pid")"
    local before=0 after=0 kib=0 i
    for p in $all; do before=$((before + $(cut -d' ' -f1 "/proc/$p/schedstat"))); done
    for ((i = 0; i < seconds; i++)); do sleep 1; curl -sf "$where" >/dev/null || fail "no metrics"; done
    for p in $all; do
      after=$((after + $(cut -d' ' -f1 "/proc/$p/schedstat")))
      kib=$((kib + $(awk '/^RssAnon:/ {print $2}' "/proc/$p/status")))
    done
    end "$pid"
    share+=("$(awk -v ns=$((after - before)) -v s="$seconds" 'BEGIN {printf "%.3f", ns / s / 1e7}')")
    memory+=("$kib")
  done
  figure watch_cpu_of_one_core "$(values "${share[@]}")" % "<=1"
  figure watch_rss_all_processes "$(mib "$(values "${memory[@]}")")" MiB "<=4"
}
bench_gpu() {
  bench_gpu_check
  say "hourglass-gpu watch, eight GPUs that are not real"
  bench_gpu_watch
}

# --- all --------------------------------------------------------------------------------------------------------------
groups=()
for g in ${*:-all}; do
  case $g in
    all) groups+=(offers list launch start memory console gpu) ;;
    api) groups+=(offers list launch start) ;;
    offers | list | launch | start | memory | console | gpu) groups+=("$g") ;;
    *) fail "no group '$g': offers list launch start memory console gpu api" ;;
  esac
done
load=$(cut -d' ' -f1-3 /proc/loadavg)
printf 'name\tvalue\tunit\tpeer\tpeer_value\tratio\tgoal\tmet\n' >"$tsv"
rss_reads= rss_launches=
[ "${groups[*]}" = gpu ] || fill
for g in "${groups[@]}"; do "bench_$g"; done
say "written to ${tsv#"$PWD/"}; medians of $rounds rounds of $seconds s on $(nproc) processors; load average before: $load"
awk -F'\t' '{for (i = 1; i <= NF; i++) {cell[NR, i] = $i; if (length($i) > wide[i]) wide[i] = length($i)}}
  END {for (r = 1; r <= NR; r++) {for (i = 1; i <= NF; i++) printf (i == 2 || i == 5 || i == 6 ? "%" : "%-") wide[i] "s  ", cell[r, i]; print ""}}' "$tsv"
