#!/usr/bin/env bash
# Point reads a second in this process, 2 threads, random ids, everything in the cache.
# The reference is RocksDB's own db_bench with keys, values and tables of the same sizes.
set -euo pipefail
. "$BENCH_LIB"
need_program bench_store
products=400000
"$BENCH_BIN/bench_store" fill "$BENCH_WORK/store" "$products" > "$BENCH_WORK/fill.json"
ours=$("$BENCH_BIN/bench_store" read "$BENCH_WORK/store" 10)
theirs=""
note="peer missing: apt-get install rocksdb-tools"
if command -v db_bench >/dev/null; then
  options="--db=$BENCH_WORK/peer --num=$products --key_size=16 --value_size=250 --cache_size=268435456 --bloom_bits=10
    --block_size=16384 --compression_type=lz4 --cache_index_and_filter_blocks=true --open_files=-1"
  # shellcheck disable=SC2086
  db_bench $options --benchmarks=fillseq,compact > "$BENCH_WORK/peer.log" 2>&1
  # The first round warms the cache.
  # shellcheck disable=SC2086
  theirs=$(db_bench $options --use_existing_db=1 --threads=2 --duration=10 --benchmarks=readrandom,readrandom 2>/dev/null |
    awk '/^readrandom/ { rate = $5 } END { print rate }')
  note="2 threads; ours decodes each product into a message, db_bench copies bytes"
fi
print_figure "$(field reads_per_second "$ours")" reads/s "$theirs" "db_bench readrandom" higher "$note"
