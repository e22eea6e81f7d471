#!/usr/bin/env bash
# How doc2vec's speed and memory grow from 40 thousand to 4 million documents (PV-DBOW, 3
# epochs, made from the fashion titles: bench_d2v --documents says how, and how the
# vocabulary grows), and what 9 million would take if they go on as between the last two.
# The ratio is the pace of 4 million beside that of 400 thousand: 1 is growth in proportion.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_d2v.sh"
for documents in 40000 400000 1000000 4000000; do
  "$BENCH_BIN/bench_d2v" --words "$BENCH_WORK/words.txt" --mode dbow --epochs 3 --documents "$documents" --repeat 1
done >"$BENCH_WORK/rows.jsonl"
summary=$(python3 - "$BENCH_WORK/rows.jsonl" <<'PY'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
note = "; ".join(f"{r['documents']:,} documents of {r['vocabulary']:,} words: {r['words_per_second']:,} words/s, "
                 f"{r['seconds']:.1f} s, {r['peak_mb']:,.0f} MB, {r['peak_mb'] * 1e6 / r['documents']:.0f} bytes a document"
                 for r in rows)
a, b = rows[-2], rows[-1]
def at_9_million(field):
    return b[field] + (b[field] - a[field]) / (b["documents"] - a["documents"]) * (9_000_000 - b["documents"])
note += (f"; by extrapolation 9,000,000 take {at_9_million('seconds') / b['epochs']:.0f} s an epoch and "
         f"{at_9_million('peak_mb') / 1000:.1f} GB")
print(json.dumps({"ours": b["words_per_second"], "theirs": rows[1]["words_per_second"], "note": note}))
PY
)
print_figure "$(field ours "$summary")" words/s "$(field theirs "$summary")" "at 400,000" higher "$(field note "$summary")"
