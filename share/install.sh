#!/usr/bin/env bash
# install.sh [--remove]: programs, manual pages, completions, catalogue, example jobs, the systemd unit, what
# Slurm, NHC and Kubernetes' node problem detector call, and Grafana's dashboard, under $DESTDIR$PREFIX. Used by
# `make install` and `make uninstall`.
set -euo pipefail
root=${DESTDIR:-}${PREFIX:?}
files=() # source, target, mode
add() { files+=("$1" "$2" "$3"); }
for p in hourglass hourglassd hourglass-gpu; do add "$BUILD/$p" "$root/bin/$p" 755; done
add "$BUILD/hourglass-run" "$root/libexec/hourglass/hourglass-run" 755
for m in docs/man/*.[158]; do add "$m" "$root/share/man/man${m##*.}/$(basename "$m")" 644; done
add share/catalogue.yaml "$root/share/hourglass/catalogue.yaml" 644
for e in share/examples/*.yaml; do add "$e" "$root/share/hourglass/examples/$(basename "$e")" 644; done
add share/systemd/hourglassd.service "$root/lib/systemd/system/hourglassd.service" 644
for s in share/slurm/*.sh; do add "$s" "$root/share/hourglass/slurm/$(basename "$s")" 755; done
add share/nhc/hourglass-gpu.nhc "$root/share/hourglass/nhc/hourglass-gpu.nhc" 644
add share/npd/hourglass-gpu.json "$root/share/hourglass/npd/hourglass-gpu.json" 644
add share/grafana/hourglass-gpu.json "$root/share/hourglass/grafana/hourglass-gpu.json" 644
add docs/schema/gpu-report.json "$root/share/hourglass/schema/gpu-report.json" 644

if [ "${1:-}" = --remove ]; then
  for ((i = 0; i < ${#files[@]}; i += 3)); do rm -f "${files[i + 1]}"; done
  rm -f "$root/share/bash-completion/completions/hourglass" "$root/share/zsh/site-functions/_hourglass"
  rmdir "$root/libexec/hourglass" "$root"/share/hourglass/{examples,slurm,nhc,npd,grafana,schema} "$root/share/hourglass" 2>/dev/null || true
  exit 0
fi
for ((i = 0; i < ${#files[@]}; i += 3)); do
  install -D -m "${files[i + 2]}" "${files[i]}" "${files[i + 1]}"
done
sed -i "s|/usr/local|$PREFIX|g" "$root/lib/systemd/system/hourglassd.service" "$root"/share/hourglass/{slurm,nhc,npd}/*
for shell in bash zsh; do
  case $shell in
  bash) to=$root/share/bash-completion/completions/hourglass ;;
  zsh) to=$root/share/zsh/site-functions/_hourglass ;;
  esac
  mkdir -p "$(dirname "$to")"
  "$BUILD/hourglass" completion $shell >"$to"
done
echo "installed under $root"
