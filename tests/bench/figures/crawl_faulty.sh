#!/usr/bin/env bash
# An origin that fails three requests of ten at random (500, 503, resets, bodies that are
# cut, lengths that lie, answers that stall): the share of its pictures that are stored in
# the end, which must be all, and each failure counted once. The peer tries as often.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
share=0.3
attempts=20
unpack_pictures
# Each answer takes 5 ms, so that several hundred are under way at a time.
start_origin --fail "$share" --seed 7 --latency 5ms
list_urls "$CRAWL/urls"
wanted=$(wc -l < "$CRAWL/urls")
ours=$(ours "$CRAWL/urls" --timeout 2 --max-attempts "$attempts" --retry-delay 0.1)
stop_origin
stored=$(field stored "$ours")
# A reset of a connection that has answered before is libcurl's to repeat, and then no
# attempt has failed; after a few it gives that up, and then one has.
counted=$(python3 -c '
import json, sys
ours, origin = map(json.loads, sys.argv[1:3])
failed = sum(ours["failed_attempts"].values()) or ours["retried"]
print("%d failures counted of %d that the origin dealt, %d of them on used connections, which libcurl may repeat"
      % (failed, origin["faults"], origin["resets_of_used"]))
' "$ours" "$COUNTS")
note="share of the pictures that are stored; $counted, in $(field seconds "$ours") s"
theirs=""
start_origin --fail "$share" --seed 7 --latency 5ms
list_urls "$CRAWL/urls"
if result=$(peer img2dataset "$CRAWL/urls" 200 "$((attempts - 1))" 2); then
  theirs=$(ratio "$(field images "$result")" "$wanted")
  note="$note; the peer in $(field seconds "$result") s"
fi
print_figure "$(python3 -c "print($stored / $wanted)")" share "$theirs" "img2dataset 1.47" higher "$note"
