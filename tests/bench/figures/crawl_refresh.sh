#!/usr/bin/env bash
# A second pass over a catalogue whose pictures have not changed: `mannequin crawl
# --refresh 0` asks with ETags, the origin answers 304, nothing is written anew. The
# reference is the first pass.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
need_program mannequin
"$BENCH_BIN/mannequin" crawl --help | grep -q -- --refresh || bench_fail "mannequin crawl has no --refresh yet"
times=3
unpack_pictures
start_origin --etag
list_urls "$CRAWL/urls" "$times"
pictures=$(wc -l < "$CRAWL/urls")
python3 - "$CRAWL/urls" > "$CRAWL/catalog.jsonl" <<'PY'
import json, sys
for number, url in enumerate(open(sys.argv[1])):
    print(json.dumps({"id": "P%06d" % number, "title": "Picture %d" % number, "image_url": url.strip()}))
PY
"$BENCH_BIN/mannequin" up --data "$CRAWL/data" --listen 127.0.0.1:0 --admin-listen "" --console-listen "" \
  --allow-address 127.0.0.0/8 --output json > "$CRAWL/up.json" &
up=$!
trap 'kill "$up" 2>/dev/null || true; crawl_stop' EXIT
until [ -s "$CRAWL/up.json" ]; do
  kill -0 "$up" 2>/dev/null || bench_fail "mannequin up has ended"
  sleep 0.1
done
address=$(field server "$(cat "$CRAWL/up.json")")
"$BENCH_BIN/mannequin" ingest --server "$address" "$CRAWL/catalog.jsonl" >&2
first=$("$BENCH_BIN/mannequin" crawl --server "$address" --output json)
again=$("$BENCH_BIN/mannequin" crawl --server "$address" --refresh 0 --output json)
stop_origin
unchanged=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["statuses"].get("304", 0))' "$COUNTS")
[ "$unchanged" -eq "$pictures" ] || bench_fail "$unchanged of $pictures pictures were answered with 304"
print_figure "$(python3 -c "print($unchanged / $(field seconds "$again"))")" images/s \
  "$(python3 -c "print($(field stored "$first") / $(field seconds "$first"))")" "first pass" higher \
  "all $unchanged unchanged, by ETag and 304"
