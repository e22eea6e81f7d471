#!/usr/bin/env bash
# Point reads a second over gRPC on loopback, the store and its caller on the same cores.
# The reference is what the design asks for.
set -euo pipefail
. "$BENCH_LIB"
need_program bench_store
"$BENCH_BIN/bench_store" fill "$BENCH_WORK/store" 400000 > "$BENCH_WORK/fill.json"
ours=$("$BENCH_BIN/bench_store" rpc "$BENCH_WORK/store" 10)
print_figure "$(field calls_per_second "$ours")" calls/s 40000 "goal" higher "$(field note "$ours")"
