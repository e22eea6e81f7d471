#!/usr/bin/env bash
# Pictures a second when each answer takes 100 ms, as on the web, with 200 connections:
# 2,000 is what the connections allow. The figure's peer is the best of those in the note.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
ideal=2000
times=5
unpack_pictures
start_origin --latency 100ms
list_urls "$CRAWL/urls" "$times"
ours=$(ours "$CRAWL/urls")
rate=$(field images_per_second "$ours")
theirs=""
best="best of curl, wget2, img2dataset"
note="100 ms an answer, 200 connections, full decode, durable store; $(ratio "$rate" "$ideal") of the ideal $ideal/s"
for name in curl wget2 img2dataset; do
  if result=$(peer "$name" "$CRAWL/urls" 200); then
    found=$(field images_per_second "$result")
    note="$note; $name $found"
    if [ -z "$theirs" ] || [ "$found" -gt "$theirs" ]; then
      theirs=$found
      best=$name
    fi
  else
    note="$note; $name missing"
  fi
done
print_figure "$rate" images/s "$theirs" "$best" higher "$note"
