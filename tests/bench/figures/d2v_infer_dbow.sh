#!/usr/bin/env bash
# Doc2vec inference of new documents, PV-DBOW: documents a second, 20 epochs; and the cosine of
# two vectors of the same document.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_d2v.sh"
d2v_figure dbow documents_per_second documents/s "gensim 4 infer_vector, a process a core" --epochs 5 --infer 20
