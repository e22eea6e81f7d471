# A suite that holds the fashion catalogue with its pictures, for figures of whole trainings; sourced
# after "$BENCH_LIB". `suite` runs the command line against it; SUITE_ADMIN is HOST:PORT of its metrics.
# shellcheck shell=bash
. "$(dirname "$BENCH_LIB")/lib_crawl.sh"
need_program mannequin

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

suite() {
  "$BENCH_BIN/mannequin" --server "$SUITE" "$@"
}

suite_stop() {
  [ -z "${SUITE_PID:-}" ] || { kill "$SUITE_PID" && wait "$SUITE_PID"; } 2>/dev/null || true
  crawl_stop
}

# Serves, reads the catalogue, fetches its pictures, trains the embedding.
start_suite() {
  unpack_pictures
  tar -xf "$MANNEQUIN_FASHION/images-60x80.tar" -C "$CRAWL/root"
  chmod -R a+rX "$CRAWL/root"
  start_origin
  gzip -dc "$MANNEQUIN_FASHION/metadata.json.gz" | sed "s#127.0.0.1:8900#$ORIGIN#" >"$CRAWL/catalog.txt"
  SUITE=127.0.0.1:$(free_port)
  SUITE_ADMIN=127.0.0.1:$(free_port)
  "$BENCH_BIN/mannequin" up --data "$BENCH_WORK/data" --no-shipped-bundle --listen "$SUITE" --admin-listen "$SUITE_ADMIN" \
    --console-listen "" --allow-address 127.0.0.1/32 >&2 &
  SUITE_PID=$!
  trap suite_stop EXIT
  until suite stats >/dev/null 2>&1; do
    kill -0 "$SUITE_PID" 2>/dev/null || bench_fail "mannequin up has ended"
    sleep 0.2
  done
  suite ingest "$CRAWL/catalog.txt" >&2
  suite crawl >&2
  suite embed train >&2
}
