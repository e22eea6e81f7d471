#!/usr/bin/env bash
# Resident memory of the scorer under load with the shipped bundle, beside LitServe's processes.
# BENCH_SCORE_REQUESTS: how many requests until it is read (20,000).
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_score.sh"
peer score_litserve.py 16
ours=$(score memory --network shipped --callers 16 --requests "${BENCH_SCORE_REQUESTS:-20000}")
note="after $(field requests "$ours") requests; after a tenth of them $(field early_mb "$ours")"
print_figure "$(field memory_mb "$ours")" MB "$(field_of memory_mb "$peer")" "LitServe 0.2.19, 2 workers" lower \
  "$note$missing"
