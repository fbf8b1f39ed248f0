#!/bin/sh
# Slurm Prolog (slurm.conf: Prolog=/usr/local/share/hourglass/slurm/prolog.sh): look at the GPUs before a job
# gets them. A prolog that ends with anything but 0 drains its node and requeues the job, so only a GPU that is
# broken does that; what could not be tested, or a check that is not installed, lets the job run and says so on
# standard error, which slurmd logs.
#
# Runs as root without PATH, in under five seconds, and calls no Slurm command: slurmd waits for it.
# HOURGLASS_GPU: another hourglass-gpu. HOURGLASS_STRICT=1: what could not be tested drains, too.
gpu=${HOURGLASS_GPU:-/usr/local/bin/hourglass-gpu}
if [ ! -x "$gpu" ]; then
  echo "hourglass-gpu: $gpu is not there: the GPUs were not checked" >&2
  exit 0
fi
set -- check --tier state --deadline 4s --exit slurm --for operator
[ -n "${HOURGLASS_STRICT:-}" ] && set -- "$@" --strict
said=$("$gpu" "$@")
code=$?
first=${said%%"
"*}
case $code:$first in
0:*) exit 0 ;;
1:"hourglass-gpu: "*)
  echo "$first" >&2
  exit 1
  ;;
*)
  echo "hourglass-gpu: ended with $code: the GPUs were not checked" >&2
  exit 0
  ;;
esac
