#!/usr/bin/env bash
# The same million as `ingest`, but as an operator does it: `mannequin ingest` beside a
# `mannequin up` on the same cores, and once more, when nothing has changed. The reference
# is the ingest in one process.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program mannequin
need_program bench_ingest
products=1000000
catalog=$BENCH_WORK/varied.json.gz
python3 "$BENCH_PEERS/vary_fashion.py" "$MANNEQUIN_FASHION/metadata.json.gz" "$products" | gzip > "$catalog"
"$BENCH_BIN/mannequin" up --data "$BENCH_WORK/data" --listen 127.0.0.1:0 --admin-listen "" --console-listen "" \
  --output json > "$BENCH_WORK/up.json" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
until [ -s "$BENCH_WORK/up.json" ]; do
  kill -0 "$server" 2>/dev/null || bench_fail "mannequin up has ended"
  sleep 0.1
done
address=$(field server "$(cat "$BENCH_WORK/up.json")")
first=$("$BENCH_BIN/mannequin" ingest --server "$address" --output json "$catalog")
again=$("$BENCH_BIN/mannequin" ingest --server "$address" --output json "$catalog")
[ "$(field created "$first")" = "$products" ] || bench_fail "not all products were created"
[ "$(field unchanged "$again")" = "$products" ] || bench_fail "the second run changed something"
resident=$(awk '/^VmHWM/ { printf "%.0f", $2 / 1000 }' "/proc/$server/status")
kill "$server"
wait "$server" || true
theirs=$(best_of 1 products_per_second "$BENCH_BIN/bench_ingest" "$catalog" "$BENCH_WORK/store")
print_figure "$(field products_per_second "$first")" products/s "$(field products_per_second "$theirs")" \
  "in one process" higher \
  "again, all unchanged: $(field products_per_second "$again") products/s; client $(python3 -c "print($(field peak_rss_bytes "$first") // 10**6)") MB, server $resident MB resident at most"
