#!/usr/bin/env bash
# score_same_16 beside a Python gRPC server of the same contract and network, under the same load.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_score.sh"
peer="" missing="; peer missing: run tests/bench/peers/install.sh torch==2.11.0 pillow grpcio-tools==1.76.0"
if [ -n "$BENCH_PYTHON" ] && "$BENCH_PYTHON" -c 'import grpc_tools, torch' 2>/dev/null; then
  peer=$("$BENCH_PYTHON" "$BENCH_PEERS/score_grpcio.py" --bench "$BENCH_BIN/bench_score" --images "$images" --callers 16 \
    --seconds "$seconds")
  missing=""
fi
ours=$(score closed --network same --callers 16)
note="p50/p99 $(field p50_ms "$ours")/$(field p99_ms "$ours") ms, $(field memory_mb "$ours") MB"
[ -z "$peer" ] || note="$note; peer p50/p99 $(field p50_ms "$peer")/$(field p99_ms "$peer") ms, $(field memory_mb "$peer") MB"
print_figure "$(field requests_per_second "$ours")" requests/s "$(field_of requests_per_second "$peer")" "grpcio, 2 threads" \
  higher "$note$missing"
