#!/usr/bin/env bash
# Requests a second of one scorer, measured by our load tool and right after by ghz, the load tool that others know, with
# the same listings: both should say the same. BENCH_GHZ is ghz; by default the pinned one is built.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_score.sh"
root=$(cd "$(dirname "$BENCH_LIB")/../.." && pwd)
missing=""
ghz=${BENCH_GHZ:-$("$root/tests/system/ghz.sh")} || missing="; ghz missing: its build said why"

# Loads the server at ADDRESS with REQUESTS by ghz; CALLERS. Calls that were not OK are an end with words.
cat > "$BENCH_WORK/ghz.sh" <<GHZ
"$ghz" --insecure --import-paths "$root/proto" --proto mannequin/v1/abuse_scorer.proto \
  --call mannequin.v1.AbuseScorer/ScoreListing -c "\$1" -z ${seconds}s --duration-stop wait --data-file "\$REQUESTS" \
  --disable-template-functions --disable-template-data -O json "\$ADDRESS" | python3 "$BENCH_WORK/reduce.py"
GHZ
cat > "$BENCH_WORK/reduce.py" <<'PY'
import json, sys
report = json.load(sys.stdin)
if list(report["statusCodeDistribution"]) != ["OK"]:
    sys.exit(f"ghz: {report['statusCodeDistribution']} {report.get('errorDistribution')}")
at = {of["percentage"]: round(of["latency"] / 1e6, 1) for of in report["latencyDistribution"]}
print(json.dumps({"requests_per_second": round(report["rps"], 1), "p50_ms": at[50], "p99_ms": at[99]}))
PY

# both CALLERS: the JSON of our tool, with ghz's in "beside".
both() {
  local beside=()
  [ -n "$missing" ] || beside=(--beside "bash -o pipefail '$BENCH_WORK/ghz.sh' $1")
  score closed --network shipped --callers "$1" --repeat 1 "${beside[@]}"
}

# theirs NAME JSON: a field of ghz's, or nothing.
theirs() {
  [ -n "$missing" ] || python3 -c 'import json, sys; print(json.loads(sys.argv[2])["beside"][sys.argv[1]])' "$1" "$2"
}

few=$(both 16)
many=$(both 64)
note="p50/p99 $(field p50_ms "$few")/$(field p99_ms "$few") ms"
[ -n "$missing" ] || note="$note, ghz $(theirs p50_ms "$few")/$(theirs p99_ms "$few") ms"
note="$note; 64 callers: $(field requests_per_second "$many")/s, p50/p99 $(field p50_ms "$many")/$(field p99_ms "$many") ms"
[ -n "$missing" ] || note="$note, ghz $(theirs requests_per_second "$many")/s, $(theirs p50_ms "$many")/$(theirs p99_ms "$many") ms"
print_figure "$(field requests_per_second "$few")" requests/s "$(theirs requests_per_second "$few")" \
  "ghz on the same server" higher "$note$missing"
