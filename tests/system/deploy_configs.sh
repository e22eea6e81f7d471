#!/usr/bin/env bash
# Starts each service with each configuration that deploy/ ships, and waits until it says that it
# serves: a key that does not exist, or a value that is refused, fails here and not in a cluster.
# Addresses and folders are this test's own; everything else is as shipped.
#
#   tests/system/deploy_configs.sh [BIN]      default: build/bin
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${1:-build/bin}

folder=$(mktemp -d "${TMPDIR:-/tmp}/deploy-configs-XXXXXX")
running=
cleanup() {
  [ -z "$running" ] || kill "$running" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

failed=0
for config in deploy/kubernetes/*/*.textproto deploy/kubernetes/*/config/*.textproto; do
  service=$(basename "$config" .textproto)
  flags=(--listen 127.0.0.1:0)
  [ "$service" = console ] || flags+=(--admin-listen 127.0.0.1:0)
  # Those of its own that would be absolute.
  for flag in $(sed -nE 's/^(data|bundles|index|work): .*/\1/p' "$config"); do
    mkdir -p "$folder/$service/$flag"
    flags+=("--$flag" "$folder/$service/$flag")
  done
  sed "s|\"/backups\"|\"$folder/backups\"|" "$config" >"$folder/config.textproto"
  "$bin/mannequin-$service" --config "$folder/config.textproto" "${flags[@]}" >"$folder/log" 2>&1 &
  running=$!
  for _ in $(seq 600); do
    grep -qE 'serving on|the console is at' "$folder/log" && break
    kill -0 "$running" 2>/dev/null || break
    sleep 0.1
  done
  if grep -qE 'serving on|the console is at' "$folder/log" && kill "$running" && wait "$running"; then
    echo "$config: served, and ended in order"
  else
    echo "$config: FAILED" >&2
    cat "$folder/log" >&2
    failed=1
    kill -9 "$running" 2>/dev/null || true
  fi
  running=
  rm -rf "${folder:?}/$service"
done
exit $failed
