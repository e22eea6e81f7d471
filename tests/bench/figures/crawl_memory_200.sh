#!/usr/bin/env bash
# Peak resident memory of a whole crawl, its store included, with 200 connections that are
# all in use: each answer takes 100 ms. The peer is the smaller of curl and wget2, which
# keep nothing but files.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
connections=200
unpack_pictures
start_origin --latency 100ms
list_urls "$CRAWL/urls"
ours=$(ours "$CRAWL/urls" --connections "$connections")
theirs=""
best="curl or wget2"
note=""
for name in curl wget2; do
  if result=$(peer "$name" "$CRAWL/urls" "$connections"); then
    found=$(field peak_mb "$result")
    note="$note; $name $found MB"
    if [ -z "$theirs" ] || [ "$found" -lt "$theirs" ]; then
      theirs=$found
      best=$name
    fi
  fi
done
stop_origin
print_figure "$(field peak_mb "$ours")" MB "$theirs" "$best" lower \
  "peak resident, $(field most_requests "$COUNTS") requests at once, $(field images_per_second "$ours") images/s decoded and durable$note"
