#!/usr/bin/env bash
# Latency of one caller on an idle scorer: the discriminator of score_same_16, median milliseconds from request to
# verdict, beside FastAPI with the model in its process and all cores for a request.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_score.sh"
peer score_fastapi.py 1
ours=$(score closed --network same --callers 1)
note="p99 $(field p99_ms "$ours") ms"
[ -z "$peer" ] || note="$note; peer p99 $(field p99_ms "$peer") ms"
print_figure "$(field p50_ms "$ours")" ms "$(field_of p50_ms "$peer")" "FastAPI, uvicorn" lower "$note$missing"
