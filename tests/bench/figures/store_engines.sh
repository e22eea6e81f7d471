#!/usr/bin/env bash
# A store on PostgreSQL and a bucket: products of 1 KB a second over one stream. The reference is what the same
# server takes by COPY into one table with a primary key: no checks, no indexes, no counts. The note has what else a
# crawl and the services ask for, each beside RocksDB in the same run.
set -euo pipefail
. "$BENCH_LIB"
need_program bench_store
products=${BENCH_PRODUCTS:-100000}
engines=$(cd "$(dirname "$0")/../../system" && pwd)/engines.sh
"$engines" "$BENCH_WORK/engines" 2> "$BENCH_WORK/engines.log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" || true' EXIT
until [ -f "$BENCH_WORK/engines/store.textproto" ]; do
  kill -0 "$server" 2>/dev/null || bench_fail "$(cat "$BENCH_WORK/engines.log")"
  sleep 0.2
done
postgres=$("$BENCH_BIN/bench_store" work "$BENCH_WORK/engines/store.textproto" "$products")
rocks=$("$BENCH_BIN/bench_store" work "$BENCH_WORK/rocks" "$products")
connection=$(sed -n 's/.*connection: "\(.*\)".*/\1/p' "$BENCH_WORK/engines/store.textproto")
copied=$(python3 - "$connection" "$products" <<'PY'
import random, subprocess, sys, time
connection, products = sys.argv[1], int(sys.argv[2])
psql = ["psql", "-X", "-q", "-d", connection]
subprocess.run(psql + ["-c", 'CREATE TABLE peer (id text COLLATE "C" PRIMARY KEY, record bytea NOT NULL)'], check=True)
rows = "".join("%016d\t\\\\x%s\n" % (i, random.randbytes(512).hex() + "20" * 512) for i in range(products)).encode()
begin = time.monotonic()
subprocess.run(psql + ["-c", "COPY peer FROM STDIN"], input=rows, check=True)
print(products / (time.monotonic() - begin))
PY
)
note=$(python3 - "$postgres" "$rocks" <<'PY'
import json, sys
ours, rocks = map(json.loads, sys.argv[1:3])
names = [("single upserts", "single_upserts_per_second"), ("pictures", "pictures_per_second"), ("reads", "reads_per_second"),
         ("renditions", "renditions_per_second"), ("verdicts", "verdicts_per_second"), ("products", "products_per_second")]
print("a second, and on RocksDB: " + ", ".join(f"{name} {ours[key]:,.0f} / {rocks[key]:,.0f}" for name, key in names) +
      f"; bytes a product but pictures {ours['bytes_per_product']:,.0f} / {rocks['bytes_per_product']:,.0f}")
PY
)
print_figure "$(field products_per_second "$postgres")" products/s "$copied" "COPY" higher "$note"
