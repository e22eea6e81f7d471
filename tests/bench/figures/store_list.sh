#!/usr/bin/env bash
# Milliseconds of a page of 1,000 products of a category, in a store of 400,000. The
# reference is a scan of all that picks the same: what a store without the index does.
set -euo pipefail
. "$BENCH_LIB"
need_program bench_store
"$BENCH_BIN/bench_store" fill "$BENCH_WORK/store" 400000 > "$BENCH_WORK/fill.json"
ours=$("$BENCH_BIN/bench_store" list "$BENCH_WORK/store")
print_figure "$(field page_ms "$ours")" ms "$(field scan_ms "$ours")" "a full scan" lower "a page of $(field pages "$ours")"
