#!/usr/bin/env bash
# Products a second from a SNAP file in gzip into a durable store, one million of them.
# The reference is how many would come out of the file if inflating it were all there is
# to do: the ratio is the share of that limit.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_ingest
command -v igzip >/dev/null || bench_fail "igzip is missing: apt-get install isal"
products=1000000
catalog=$BENCH_WORK/varied.json.gz
python3 "$BENCH_PEERS/vary_fashion.py" "$MANNEQUIN_FASHION/metadata.json.gz" "$products" | gzip > "$catalog"
inflate=$(python3 - "$catalog" <<'PY'
import subprocess, sys, time
times = []
for _ in range(5):
    begin = time.monotonic()
    subprocess.run(["igzip", "-dc", sys.argv[1]], stdout=subprocess.DEVNULL, check=True)
    times.append(time.monotonic() - begin)
print(sorted(times)[2])
PY
)
ours=$(best_of 3 products_per_second "$BENCH_BIN/bench_ingest" "$catalog" "$BENCH_WORK/store")
print_figure "$(field products_per_second "$ours")" products/s \
  "$(python3 -c "print($products / $inflate)")" "igzip -dc alone" higher \
  "$products products, fsync'd; peak $(field peak_mb "$ours") MB resident, $(field cpu_seconds "$ours") s of CPU in $(field seconds "$ours") s, $(field disk_mb "$ours") MB on disk"
