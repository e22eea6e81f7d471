#!/usr/bin/env bash
# Products a second, one core, parsing only: our own JSON lines, in memory.
# The peer is simdjson on demand walking the same fields, with AVX2, and nothing else: no
# checks, no message. Within 1.5 times of it (a ratio of 0.67) is the goal.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_parse_jsonl
found=$("$BENCH_BIN/bench_parse_jsonl" "$MANNEQUIN_FASHION/metadata.json.gz" jsonl)
print_figure "$(field products_per_second "$found")" products/s "$(field reference_per_second "$found")" \
  "simdjson on demand" higher "$(field note "$found")"
