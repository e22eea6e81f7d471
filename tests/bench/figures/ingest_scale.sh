#!/usr/bin/env bash
# How time, disk and memory of an ingest grow from 40 thousand to 4 million products, and
# what 9 million would take if they go on as between the last two. The ratio is the pace
# of 4 million beside that of 400 thousand: 1 is growth in proportion.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_ingest
catalog=$BENCH_WORK/varied.json.gz
for products in 40000 400000 1000000 4000000; do
  python3 "$BENCH_PEERS/vary_fashion.py" "$MANNEQUIN_FASHION/metadata.json.gz" "$products" | gzip -1 > "$catalog"
  best_of 1 products_per_second "$BENCH_BIN/bench_ingest" "$catalog" "$BENCH_WORK/store"
done > "$BENCH_WORK/rows.jsonl"
summary=$(python3 - "$BENCH_WORK/rows.jsonl" <<'PY'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
note = "; ".join(f"{r['products']:,}: {r['seconds']:.1f} s, {r['disk_mb']:,.0f} MB, {r['peak_mb']:.0f} MB resident" for r in rows)
a, b = rows[-2], rows[-1]
def at_9_million(field):
    return b[field] + (b[field] - a[field]) / (b["products"] - a["products"]) * (9_000_000 - b["products"])
note += f"; 9,000,000 would take {at_9_million('seconds'):.0f} s, {at_9_million('disk_mb') / 1000:.1f} GB of disk and {at_9_million('peak_mb'):.0f} MB"
print(json.dumps({"ours": b["products_per_second"], "theirs": rows[1]["products_per_second"], "note": note}))
PY
)
print_figure "$(field ours "$summary")" products/s "$(field theirs "$summary")" "at 400,000" higher "$(field note "$summary")"
