#!/usr/bin/env bash
# What one good host gets while 200 others send a byte a second: its pictures a second
# beside them, and alone, over 200 connections. The others' products come first in the
# catalogue, 50 a host: fifty times as many as there are connections.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
slow=200
connections=200
unpack_pictures
start_origin --hosts $((slow + 1)) --slow-hosts "$slow" --latency 20ms
list_urls "$CRAWL/urls" 10
port=${ORIGIN#*:}
head -n 50 "$CRAWL/urls" | sed 's,.*/,,' > "$CRAWL/names"
for ((host = 2; host <= slow + 1; ++host)); do
  sed "s,^,http://127.0.0.$host:$port/," "$CRAWL/names"
done > "$CRAWL/beside"
: > "$CRAWL/none"
alone=$(ours "$CRAWL/urls" --beside "$CRAWL/none" --connections "$connections")
beside=$(ours "$CRAWL/urls" --beside "$CRAWL/beside" --connections "$connections")
print_figure "$(field images_per_second "$beside")" images/s "$(field images_per_second "$alone")" "alone" higher \
  "of the good host; $slow others of a byte a second with $(wc -l < "$CRAWL/beside") products"
