#!/usr/bin/env bash
# What one good host gets while 200 others send a byte a second: its pictures a second
# beside them, and alone. The others' products come first in the catalogue, eight a host,
# which is what a host gets at once at most; the connections are enough for all of these.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
slow=200
connections=2000
unpack_pictures
start_origin --hosts $((slow + 1)) --slow-hosts "$slow" --latency 20ms
list_urls "$CRAWL/urls" 2
port=${ORIGIN#*:}
head -n 8 "$CRAWL/urls" | sed 's,.*/,,' > "$CRAWL/names"
for ((host = 2; host <= slow + 1; ++host)); do
  sed "s,^,http://127.0.0.$host:$port/," "$CRAWL/names"
done > "$CRAWL/beside"
: > "$CRAWL/none"
alone=$(ours "$CRAWL/urls" --beside "$CRAWL/none" --connections "$connections")
beside=$(ours "$CRAWL/urls" --beside "$CRAWL/beside" --connections "$connections")
print_figure "$(field images_per_second "$beside")" images/s "$(field images_per_second "$alone")" "alone" higher \
  "of the good host; $slow others of a byte a second with $(wc -l < "$CRAWL/beside") products"
