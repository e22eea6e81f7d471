# Helpers of the training figures; sourced beside "$BENCH_LIB".

need_data
need_program bench_gan_train
mkdir "$BENCH_WORK/images" "$BENCH_WORK/ours"
tar xf "$MANNEQUIN_FASHION/images-224.tar" -C "$BENCH_WORK/images"
python3 "$BENCH_PEERS/list_fashion.py" "$MANNEQUIN_FASHION/metadata.json.gz" "$BENCH_WORK/images" >"$BENCH_WORK/list.tsv"

# training_figure PRESET FEATURES PEER_SCRIPT NOTE
training_figure() {
  local ours peer theirs="" note
  ours=$("$BENCH_BIN/bench_gan_train" "$BENCH_WORK/list.tsv" "$BENCH_WORK/ours" "$1" "$2")
  note="$(field images "$ours") images packed once in $(field pack_seconds "$ours") s, then 8 steps after 2"
  note="$note; waiting for data $(field data_wait_percent "$ours") %; peak $(field memory_mb "$ours") MB, pixels of the pack included"
  note="$note; $(field gflops "$ours") of the $(field limit_gflops "$ours") GFLOP/s of a matrix product; of a step: $(field shares "$ours"); $4"
  if [ -n "$BENCH_PYTHON" ]; then
    peer=$("$BENCH_PYTHON" "$BENCH_PEERS/$3" "$BENCH_WORK/list.tsv" "$2")
    theirs=$(field images_per_second "$peer")
    note="$note; peer channels-last, bf16 $(field bf16 "$peer"), peak $(field memory_mb "$peer") MB without its workers"
  else
    note="peer missing: run tests/bench/peers/install.sh; $note"
  fi
  print_figure "$(field images_per_second "$ours")" images/s "$theirs" "PyTorch 2" higher "$note"
}
