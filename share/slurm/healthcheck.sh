#!/bin/sh
# Slurm HealthCheckProgram (slurm.conf: HealthCheckProgram=/usr/local/share/hourglass/slurm/healthcheck.sh,
# HealthCheckInterval=300, HealthCheckNodeState=ANY): drain this node when a GPU is broken, resume it when all are
# well again. It only ever resumes what it drained itself, known by the reason's beginning "hourglass-gpu:"; a
# node that somebody else drained, and one that could not be tested, stays as it is.
#
# The state tier disturbs no job. Slurm kills a health check after 60 seconds: this one ends within 55.
# HOURGLASS_GPU, HOURGLASS_SCONTROL: other programs. HOURGLASS_STRICT=1: what could not be tested drains, too.
gpu=${HOURGLASS_GPU:-/usr/local/bin/hourglass-gpu}
scontrol=${HOURGLASS_SCONTROL:-/usr/bin/scontrol}
prefix=hourglass-gpu:
node=${SLURMD_NODENAME:-$(/bin/hostname -s)}

say() { echo "$prefix $*" >&2; }
slurm() { /usr/bin/timeout -k 1 10 "$scontrol" "$@"; }

[ -x "$gpu" ] || { say "$gpu is not there: the GPUs were not checked"; exit 0; }
set -- check --tier state --deadline 20s --exit default --for operator
[ -n "${HOURGLASS_STRICT:-}" ] && set -- "$@" --strict
said=$(/usr/bin/timeout -k 1 25 "$gpu" "$@" 2>/dev/null)
code=$?
first=${said%%"
"*}

# " State=IDLE+DRAIN …" and "   Reason=hourglass-gpu: unhealthy: … [root@2026-11-20T13:35:20]"
shown=$(slurm show node "$node" 2>/dev/null) || { say "cannot ask Slurm about $node"; exit 0; }
state='' reason=''
while read -r line; do
  case $line in
  State=*) state=${line#State=} state=${state%% *} ;;
  Reason=*) reason=${line#Reason=} ;;
  esac
done <<EOF
$shown
EOF

# Both must agree, so that a program that could not even start drains nothing.
bad=''
case $code:$first in
1:"$prefix unhealthy"*) bad=1 ;;
3:"$prefix inconclusive"*) bad=${HOURGLASS_STRICT:+1} ;;
esac
if [ -n "$bad" ]; then
  case $state in
  *DRAIN*) say "$node is drained already: $first" ;;
  *) slurm update NodeName="$node" State=DRAIN Reason="$first" || say "cannot drain $node: $first" ;;
  esac
else
  case $code:$first in
  0:"$prefix healthy"* | 4:"$prefix degraded"*)
    case $state:$reason in
    *DRAIN*:"$prefix"*) slurm update NodeName="$node" State=RESUME || say "cannot resume $node" ;;
    esac
    ;;
  *) say "not tested (exit $code): ${first#"$prefix "}" ;;
  esac
fi
exit 0
