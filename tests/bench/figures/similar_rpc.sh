#!/usr/bin/env bash
# FindSimilar as its caller sees it: milliseconds of one call in two, one client, a title of
# the fashion catalogue in turn, everything on the same cores. The reference is the same call
# that looks at every product.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program mannequin
need_program bench_similar
address=127.0.0.1:18600
"$BENCH_BIN/mannequin" up --data "$BENCH_WORK/data" --listen "$address" --admin-listen "" --console-listen "" >&2 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
mannequin() { "$BENCH_BIN/mannequin" "$@" --server "$address" --output json >&2; }
until mannequin stats 2>/dev/null; do
  kill -0 "$server" 2>/dev/null || bench_fail "mannequin up has ended"
  sleep 0.2
done
mannequin ingest "$MANNEQUIN_FASHION/metadata.json.gz"
mannequin embed train
mannequin embed catalog
python3 "$BENCH_PEERS/fashion_texts.py" products "$MANNEQUIN_FASHION/metadata.json.gz" | cut -f 4 >"$BENCH_WORK/titles.txt"
index=$("$BENCH_BIN/bench_similar" --server "$address" --titles "$BENCH_WORK/titles.txt")
exact=$("$BENCH_BIN/bench_similar" --server "$address" --titles "$BENCH_WORK/titles.txt" --exact)
kill "$server" && wait "$server" || true
print_figure "$(field p50_ms "$index")" ms "$(field p50_ms "$exact")" "looking at every product" lower \
  "p99 $(field p99_ms "$index") ms against $(field p99_ms "$exact"); in batches of 1,000 $(field batch_per_second "$index") searches/s against $(field batch_per_second "$exact")"
