#!/usr/bin/env bash
# As crawl_memory_200, with 10,000 connections that are all in use: each answer takes 5 s.
# No peer opens so many; what one of 200 connections takes is beside it.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
connections=10000
ulimit -n 20000 2>/dev/null ||
  bench_fail "needs 20,000 open files, $(ulimit -Hn) is the most here: raise the hard limit (ulimit -Hn)"
unpack_pictures
start_origin --latency 5s
list_urls "$CRAWL/urls" 3
ours=$(ours "$CRAWL/urls" --connections "$connections")
stop_origin
at_once=$(field most_requests "$COUNTS")
start_origin --latency 100ms
list_urls "$CRAWL/urls"
few=$(ours "$CRAWL/urls" --connections 200)
stop_origin
print_figure "$(field peak_mb "$ours")" MB "$(field peak_mb "$few")" "ours, 200" lower \
  "peak resident, $at_once requests at once, $(field stored "$ours") pictures in $(field seconds "$ours") s, $(field retried "$ours") tried again"
