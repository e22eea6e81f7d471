#!/usr/bin/env bash
# Fréchet distance of what preset mannequin draws (128 pixels, held-out products of the fashion catalogue, every
# category of 20 pictures or more in one model), and of what preset tacgan does after the same time of training, by one
# ruler. GAN_QUALITY_SECONDS says how long each trains (600).
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_suite.sh"
seconds=${GAN_QUALITY_SECONDS:-600}
start_suite

# trained ARGUMENT...: the version of a bundle.
trained() {
  local job
  job=$(suite --output json train start --max-seconds "$seconds" --min-category-images 20 --judge-steps -1 --seed 1 "$@")
  python3 -c 'import json, sys; print(json.loads(sys.argv[1])["progress"]["bundle_version"])' "$job"
}
mannequin=$(trained --preset mannequin --features 16 --batch 32)
tacgan=$(trained --preset tacgan --features 64 --batch 64)
result=$(suite --output json train eval "$mannequin" "$tacgan")
python3 - "$result" "$mannequin" "$tacgan" "$seconds" <<'PY'
import json, sys
result, ours, theirs, seconds = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
quality = {b["version"]: b["quality"] for b in result["bundles"]}
a, b = quality[ours], quality[theirs]
def words(q):
    return (f"category told {q['category_agreement']:.2f} (real {q['category_accuracy']:.2f}), colour "
            f"{q['color_agreement']:.2f} (real {q['color_accuracy']:.2f}), precision {q['precision']:.2f}, recall "
            f"{q['recall']:.2f}, diversity {q['diversity']:.2f} (real {q['real_diversity']:.2f})")
print(json.dumps({"figure": "gan_quality", "ours": a["frechet_distance"], "unit": "Fréchet distance",
                  "theirs": b["frechet_distance"], "peer": "preset tacgan", "better": "lower",
                  "note": f"{seconds} s of training each, {a['products']} held-out products; mannequin: {words(a)}; "
                          f"tacgan: {words(b)}"}))
PY
