# Helpers of doc2vec's speed figures; sourced beside "$BENCH_LIB": dimension 100, window 4, 5
# negatives, all cores, both sides alike.

need_data
need_program bench_d2v
python3 "$BENCH_PEERS/fashion_texts.py" words "$MANNEQUIN_FASHION/metadata.json.gz" >"$BENCH_WORK/words.txt"

# d2v_figure MODE FIELD UNIT PEER OPTIONS...: what bench_d2v prints as FIELD beside what
# gensim's script does, and whether a document inferred twice is the same where they say so.
d2v_figure() {
  local mode=$1 name=$2 unit=$3 peer=$4 ours gensim theirs="" note="peer missing: run tests/bench/peers/install.sh"
  shift 4
  local run=(--words "$BENCH_WORK/words.txt" --mode "$mode" --repeat 3 "$@")
  ours=$("$BENCH_BIN/bench_d2v" "${run[@]}")
  if [ -n "$BENCH_PYTHON" ] && "$BENCH_PYTHON" -c 'import gensim' 2>/dev/null; then
    gensim=$("$BENCH_PYTHON" "$BENCH_PEERS/doc2vec_gensim.py" "${run[@]}")
    theirs=$(field "$name" "$gensim")
    note="median of 3, all cores both"
    case $ours in
      *same_twice*)
        note+="; same document twice: cosine $(field same_twice_cosine "$ours"), gensim's"
        note+=" $(printf %.4f "$(field same_twice_cosine "$gensim")")"
        ;;
    esac
  fi
  print_figure "$(field "$name" "$ours")" "$unit" "$theirs" "$peer" higher "$note"
}
