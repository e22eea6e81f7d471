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
engines=
cleanup() {
  [ -z "$running" ] || kill "$running" 2>/dev/null || true
  [ -z "$engines" ] || { kill "$engines" && wait "$engines"; } 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

# What production's secrets hold.
mkdir -p "$folder/tls" "$folder/access"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=test-ca \
  -keyout "$folder/tls/ca.key" -out "$folder/tls/ca.crt" 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=mannequin -CA "$folder/tls/ca.crt" \
  -CAkey "$folder/tls/ca.key" -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:mannequin \
  -keyout "$folder/tls/tls.key" -out "$folder/tls/tls.crt" 2>/dev/null
"$bin/mannequin" token new --role operator --name ana 2>&1 >"$folder/ana.token" |
  grep '^tokens {' >"$folder/access/tokens.textproto"

# A database and a bucket for those that name one; false where they are not to be had.
start_engines() {
  [ -z "$engines" ] || return 0
  tests/system/engines.sh "$folder/engines" 2>"$folder/engines.log" &
  engines=$!
  until [ -f "$folder/engines/store.textproto" ]; do
    kill -0 "$engines" 2>/dev/null || { engines=; return 1; }
    sleep 0.2
  done
}

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
  # A worker that is told to end before nobody needed it has not ended well.
  sed -E "s#\"/(backups|tls|access)#\"$folder/\\1#g; /^max_idle_seconds:/d" "$config" >"$folder/config.textproto"
  if grep -q '^postgres' "$config"; then
    start_engines || { echo "$config: not started: $(tail -1 "$folder/engines.log")"; continue; }
    connection=$(sed -n 's/.*connection: "\(.*\)".*/\1/p' "$folder/engines/store.textproto")
    endpoint=$(sed -n 's/.*endpoint: "\(.*\)".*/\1/p' "$folder/engines/store.textproto")
    sed -i -E "s#connection: \".*\"#connection: \"$connection target_session_attrs=read-write\"#; s#endpoint: \".*\"#endpoint: \"$endpoint\"#; s#region: \".*\"#region: \"us-east-1\"#; \
      s#\"/engines/bucket\"#\"$folder/engines/credentials\"#" "$folder/config.textproto"
  fi
  program=("$bin/mannequin-$service")
  [ "$service" != training-worker ] || program=("$bin/mannequin-trainer" training-worker)
  "${program[@]}" --config "$folder/config.textproto" "${flags[@]}" >"$folder/log" 2>&1 &
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
