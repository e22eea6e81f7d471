#!/usr/bin/env bash
# Products of 1 KB a second over one gRPC stream, durable at its end. The reference is
# db_bench fillbatch: the same sizes, 1,000 a batch, and no fsync at all.
set -euo pipefail
. "$BENCH_LIB"
need_program bench_store
products=400000
ours=$(best_of 3 products_per_second "$BENCH_BIN/bench_store" upsert "$BENCH_WORK/store" "$products")
theirs=""
note="peer missing: apt-get install rocksdb-tools"
if command -v db_bench >/dev/null; then
  theirs=$(for _ in 1 2 3; do
    rm -rf "$BENCH_WORK/peer"
    db_bench --db="$BENCH_WORK/peer" --num="$products" --key_size=16 --value_size=1008 --batch_size=1000 \
      --compression_type=lz4 --benchmarks=fillbatch --sync=false 2>/dev/null
  done | awk '/^fillbatch/ { if ($5 > best) best = $5 } END { print best }')
  note="best of 3; ours checks, indexes and fsyncs each product, over gRPC"
fi
print_figure "$(field products_per_second "$ours")" products/s "$theirs" "db_bench fillbatch" higher "$note"
