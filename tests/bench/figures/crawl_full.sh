#!/usr/bin/env bash
# Pictures a second from a loopback nginx into a store, everything on tmpfs. Ours
# decodes every picture and syncs it into RocksDB; the peer, at its fastest settings,
# writes files and decodes nothing. The list is gone through 5 times over, so that the
# peer's start-up of some seconds does not decide.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
need_program bench_decode
times=5
unpack_pictures
limit=$(field images_per_second "$("$BENCH_BIN/bench_decode" "$CRAWL/root" "$times")")
start_nginx
list_urls "$CRAWL/urls" "$times"
ours=$(ours "$CRAWL/urls")
rate=$(field images_per_second "$ours")
theirs=""
note="200 connections, full decode, durable store, list $times times over; $(ratio "$rate" "$limit") of what libjpeg alone decodes on all cores ($limit/s)"
if result=$(peer img2dataset "$CRAWL/urls"); then
  theirs=$(field images_per_second "$result")
  note="$note; the peer: 2 processes x 16 threads, its fastest, files, no decoding"
else
  note="$note; peer missing: run tests/bench/peers/install.sh img2dataset==1.47.0"
fi
print_figure "$rate" images/s "$theirs" "img2dataset 1.47" higher "$note"
