#!/usr/bin/env bash
# Runs one language's client, with stubs generated from proto/, against a running `mannequin up`, and compares what it
# prints with what the command line says of the same listing.
#
#   tests/clients/test.sh LANGUAGE FOLDER_OF_MANNEQUIN WORK     LANGUAGE: python, go, java or node
#
# Exit status 77, ctest's "skipped", when the language's tool is not installed or its packages are not to be had. Packages come from the language's own
# registry in the versions pinned beside the client; WORK keeps them for the next run.
set -euo pipefail
language=$1
mannequin=$2/mannequin
work=$3/$1
here=$(cd "$(dirname "$0")" && pwd)
proto=$here/../../proto
mkdir -p "$work"

skip() { echo "clients: skipped: $*"; exit 77; }
fail() { echo "clients: FAILED: $*" >&2; exit 1; }
needs() { command -v "$1" >/dev/null || skip "$language: $1 is not installed"; }
source "$here/$language/client.sh"
# In a shell of its own, which ends at the first error. What could not be had is the registry's fault more often than ours.
set +e
(set -e; prepare)
prepared=$?
set -e
[ $prepared -ne 77 ] || exit 77
[ $prepared -eq 0 ] || skip "$language: its packages or stubs could not be had (above)"

serve=$(mktemp -d)
"$mannequin" --output json up --data "$serve/data" --listen 127.0.0.1:0 --admin-listen "" --console-listen "" \
  > "$serve/up.json" 2> "$serve/up.log" &
server_pid=$!
trap 'kill $server_pid 2>/dev/null || true; wait $server_pid 2>/dev/null || true; rm -rf "$serve"' EXIT
for _ in $(seq 600); do
  [ -s "$serve/up.json" ] && break
  kill -0 $server_pid 2>/dev/null || fail "mannequin up ended: $(cat "$serve/up.log")"
  sleep 0.1
done
server=$(sed -n 's/.*"server":"\([^"]*\)".*/\1/p' "$serve/up.json")
[ -n "$server" ] || fail "mannequin up names no server: $(cat "$serve/up.json")"

# A drawn shirt, listed as a watch.
"$mannequin" --server "$server" generate --category Shirts --title "Blue cotton shirt" --seed 1 --candidates 8 \
  --category-card --format jpeg --out "$serve" >/dev/null
photo=$(find "$serve" -maxdepth 1 -name '*.jpeg' | head -1)
[ -n "$photo" ] || fail "no picture was drawn"
"$mannequin" --server "$server" --output json score "$photo" --title "Steel watch" --category Watches --brand Acme \
  > "$serve/expected.json"
run "$server" "$photo" > "$serve/printed" || fail "$language's client"
cat "$serve/printed"
python3 - "$serve/printed" "$serve/expected.json" <<'PYTHON' || fail "$language's client says something else than the command line"
import json, sys
lines = [line.split() for line in open(sys.argv[1])]
expected = json.load(open(sys.argv[2]))
assert expected["reasons"], expected
assert lines[0] == ["VERDICT_KIND_" + expected["verdict"]], (lines, expected)
reasons = {name.removeprefix("ABUSE_REASON_"): float(probability) for name, probability in lines[1:]}
assert list(reasons) == expected["reasons"], (lines, expected)
for name, probability in reasons.items():
    assert abs(probability - expected["probability"][name]) < 1e-3, (lines, expected)
PYTHON
echo "clients: $language agrees with the command line"
