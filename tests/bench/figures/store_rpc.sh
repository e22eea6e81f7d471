#!/usr/bin/env bash
# Point reads a second over gRPC on loopback, the server and h2load on the same cores. The
# reference is the most that gRPC lets through: its own health check, which does nothing.
set -euo pipefail
. "$BENCH_LIB"
need_program bench_store
command -v h2load >/dev/null || bench_fail "h2load is missing: apt-get install nghttp2-client"
products=400000
"$BENCH_BIN/bench_store" fill "$BENCH_WORK/store" "$products" > "$BENCH_WORK/fill.json"
mkfifo "$BENCH_WORK/hold"
"$BENCH_BIN/bench_store" serve "$BENCH_WORK/store" < "$BENCH_WORK/hold" > "$BENCH_WORK/address" &
server=$!
exec 9> "$BENCH_WORK/hold"   # the server ends when this is closed
until [ -s "$BENCH_WORK/address" ]; do
  kill -0 "$server" 2>/dev/null || bench_fail "bench_store serve has ended"
  sleep 0.1
done
# A gRPC message: not compressed, four bytes of length, the request.
python3 - "$BENCH_WORK" "$products" <<'PY'
import sys
folder, products = sys.argv[1], int(sys.argv[2])
product_id = b"%016d" % (products // 3)
for name, message in (("get", b"\x0a" + bytes([len(product_id)]) + product_id), ("check", b"")):
    with open(f"{folder}/{name}.bin", "wb") as file:
        file.write(b"\0" + len(message).to_bytes(4, "big") + message)
PY
calls_per_second() {  # METHOD MESSAGE
  h2load -n 200000 -c 8 -m 32 -t 1 -H 'content-type: application/grpc' -H 'te: trailers' \
    -d "$BENCH_WORK/$2.bin" "http://$(cat "$BENCH_WORK/address")/$1" |
    awk '/^finished/ { print $4 } /^status codes/ && $3 != 200000 { exit 1 }'
}
get=mannequin.v1.ProductStore/GetProduct
check=grpc.health.v1.Health/Check
calls_per_second "$get" get > /dev/null
ours=$(calls_per_second "$get" get)
theirs=$(calls_per_second "$check" check)
exec 9>&-
wait "$server"
print_figure "$ours" calls/s "$theirs" "an empty gRPC call" higher \
  "256 calls in flight on 8 connections, the same product each time; the goal was 40,000"
