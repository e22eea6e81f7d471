#!/usr/bin/env bash
# How long nine million pictures take: at the rates that crawl_full and crawl_latency had in
# their last run here, over a line of 1 Gbit/s, and which of these bounds it. The reference
# is the day that it took before (104 images/s).
set -euo pipefail
. "$BENCH_LIB"
need_data
results=$(dirname "$BENCH_BIN")/bench/results.jsonl
python3 - "$results" "$MANNEQUIN_FASHION" <<'PY'
import json, os, sys, tarfile

results, fashion = sys.argv[1:3]
images, line_bytes = 9e6, 1e9 / 8
rates = {}
if os.path.exists(results):
    for line in map(json.loads, open(results)):
        rates[line["figure"]] = line["ours"]
missing = [name for name in ("crawl_full", "crawl_latency") if name not in rates]
if missing:
    sys.exit("no result of %s yet: run tests/bench/run.sh %s" % (" and ".join(missing), " ".join(missing)))
with tarfile.open(os.path.join(fashion, "images-224.tar")) as tar:
    sizes = [member.size for member in tar if member.isfile()]
means = {"the catalogue's %.1f KB": sum(sizes) / len(sizes), "%.0f KB as in 260 GB of 9 M": 260e9 / 9e6}
hours = lambda rate: images / rate / 3600
notes, slowest = [], None
for words, mean in means.items():
    bounds = {"the machine (decode and store)": rates["crawl_full"],
              "200 connections at 100 ms": rates["crawl_latency"], "the line of 1 Gbit/s": line_bytes / mean}
    bound = min(bounds, key=bounds.get)
    notes.append("%s: %.1f h, bound by %s" % (words % (mean / 1e3), hours(bounds[bound]), bound))
    slowest = max(slowest or 0, hours(bounds[bound]))
notes.append("line alone %.1f and %.1f h; with connections enough, the machine alone %.1f h" %
             (*(hours(line_bytes / mean) for mean in means.values()), hours(rates["crawl_full"])))
print(json.dumps({"figure": "crawl_nine_million", "ours": round(slowest, 2), "unit": "hours", "theirs": 24,
                  "peer": "104 images/s", "better": "lower", "note": "projected; " + "; ".join(notes)}))
PY
