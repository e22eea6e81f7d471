#!/usr/bin/env bash
# Products of 1 KB a second over one gRPC stream, durable at its end. The reference is
# db_bench fillbatch of the same sizes, 1,000 a batch, each synced; the note says what it
# does without any fsync.
set -euo pipefail
. "$BENCH_LIB"
need_program bench_store
products=400000
ours=$(best_of 3 products_per_second "$BENCH_BIN/bench_store" upsert "$BENCH_WORK/store" "$products")
theirs=""
note="peer missing: apt-get install rocksdb-tools"
if command -v db_bench >/dev/null; then
  fill_batch() {  # SYNC
    for _ in 1 2 3; do
      rm -rf "$BENCH_WORK/peer"
      db_bench --db="$BENCH_WORK/peer" --num="$products" --key_size=16 --value_size=1008 --batch_size=1000 \
        --compression_type=lz4 --benchmarks=fillbatch --sync="$1" 2>/dev/null
    done | awk '/^fillbatch/ { if ($5 > best) best = $5 } END { print best }'
  }
  theirs=$(fill_batch true)
  note="best of 3; ours checks and indexes each product too, over gRPC; without any fsync the peer writes $(fill_batch false)"
fi
print_figure "$(field products_per_second "$ours")" products/s "$theirs" "db_bench fillbatch" higher "$note"
