#!/usr/bin/env bash
# Pictures a second from a loopback nginx without any delay: what the client itself costs,
# everything on tmpfs. Ours checks each picture's header and syncs it into RocksDB; the
# peers write files and check nothing. The list is gone through 10 times over.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
times=10
unpack_pictures
start_nginx
list_urls "$CRAWL/urls" "$times"
ours=$(ours "$CRAWL/urls" --header-only)
theirs=""
others=""
for connections in 50 200; do
  if result=$(peer wget2 "$CRAWL/urls" "$connections"); then
    rate=$(field images_per_second "$result")
    if [ -z "$theirs" ] || [ "$rate" -gt "$theirs" ]; then theirs=$rate; fi
  fi
done
for name in curl aria2c; do
  if result=$(peer "$name" "$CRAWL/urls"); then
    others="$others, $name $(field images_per_second "$result")"
  fi
done
print_figure "$(field images_per_second "$ours")" images/s "$theirs" "wget2, files" higher \
  "200 connections, header check, durable store, list $times times over, $(field peak_mb "$ours") MB; the peer's better of 50 and 200 threads$others"
