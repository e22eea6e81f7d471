#!/usr/bin/env bash
# Products a second, one core, parsing only: lines already inflated and in memory.
# The peer needs nothing but Python itself.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_parse_snap
catalog=$MANNEQUIN_FASHION/metadata.json.gz
theirs=$(python3 "$BENCH_PEERS/parse_eval.py" "$catalog")
ours=$("$BENCH_BIN/bench_parse_snap" "$catalog")
print_figure "$(field products_per_second "$ours")" products/s "$theirs" "$(python3 --version) eval" higher \
  "$(field note "$ours")"
