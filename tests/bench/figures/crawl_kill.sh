#!/usr/bin/env bash
# kill -9 of `mannequin up` ten times during a crawl, started again each time: everything
# is stored in the end, and what was asked for twice is what was under way at the kills.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
need_program mannequin
kills=10
connections=50
unpack_pictures
start_origin --latency 100ms
list_urls "$CRAWL/urls"
pictures=$(wc -l < "$CRAWL/urls")
python3 - "$CRAWL/urls" > "$CRAWL/catalog.jsonl" <<'PY'
import json, sys
for number, url in enumerate(open(sys.argv[1])):
    print(json.dumps({"id": "P%06d" % number, "title": "Picture %d" % number, "image_url": url.strip()}))
PY
up=
kill_up() {
  [ -z "$up" ] || kill -9 "$up" 2>/dev/null || true
  crawl_stop
}
trap kill_up EXIT
start_up() {
  : > "$CRAWL/up.json"
  "$BENCH_BIN/mannequin" up --data "$CRAWL/data" --listen 127.0.0.1:0 --admin-listen "" --console-listen "" \
    --allow-address 127.0.0.0/8 --output json > "$CRAWL/up.json" 2> "$CRAWL/up.log" &
  up=$!
  until [ -s "$CRAWL/up.json" ]; do
    kill -0 "$up" 2>/dev/null || bench_fail "mannequin up has ended: $(tail -n 3 "$CRAWL/up.log")"
    sleep 0.1
  done
  address=$(field server "$(cat "$CRAWL/up.json")")
}
# STORED becomes what the store says that it holds.
count_stored() {
  STORED=$("$BENCH_BIN/mannequin" stats --server "$address" --output json | python3 -c '
import json, sys
states = {count["state"]: count["products"] for count in json.load(sys.stdin)["image_states"]}
print(states["IMAGE_STATE_STORED"])')
}

start_up
"$BENCH_BIN/mannequin" ingest --server "$address" "$CRAWL/catalog.jsonl" >&2
lost=0
for ((i = 1; i <= kills; ++i)); do
  "$BENCH_BIN/mannequin" crawl --server "$address" --connections "$connections" > "$CRAWL/crawl.log" 2>&1 &
  client=$!
  count_stored
  while [ "$STORED" -lt $((pictures * i / (kills + 2))) ]; do
    sleep 0.02
    count_stored
  done
  before=$STORED
  kill -9 "$up"
  wait "$up" 2>/dev/null || true
  wait "$client" 2>/dev/null || true
  start_up
  count_stored
  [ "$STORED" -ge "$before" ] || lost=$((lost + before - STORED))
done
"$BENCH_BIN/mannequin" crawl --server "$address" --connections "$connections" >&2
count_stored
stop_origin
asked=$(field requests "$COUNTS")
[ "$lost" -eq 0 ] || bench_fail "$lost pictures that were acknowledged are gone"
[ "$STORED" -eq "$pictures" ] || bench_fail "$STORED of $pictures pictures are stored"
print_figure "$((asked - pictures))" requests "$((connections * kills))" "open transfers" lower \
  "asked for again after $kills x kill -9 ($(ratio "$((asked - pictures))" "$pictures") of $pictures pictures), all stored; at most $connections transfers were open at a kill, the rest was decoded or waited for the next synced batch"
