"""How well RapidOCR tells pictures with text laid over them: AUC of the confidence of what it reads.

usage: overlay_rapidocr.py FOLDER     (of `mannequin score eval --export FOLDER`)

A picture's score is the surest line's confidence times the root of its length, 0 where nothing is read.
"""
import json
import math
import sys
import time

from rapidocr_onnxruntime import RapidOCR


def auc(clean, abuse):
    ranked = sorted([(s, 0) for s in clean] + [(s, 1) for s in abuse])
    rank, won, at = 0, 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        negatives = sum(1 for _, label in ranked[at:end] if label == 0)
        won += (end - at - negatives) * (rank + negatives / 2)
        rank += negatives
        at = end
    return won / (len(clean) * len(abuse))


folder = sys.argv[1]
read = RapidOCR()
scores, by_script, seconds, count = {"honest": []}, {}, 0.0, 0
for line in open(f"{folder}/listings.jsonl"):
    listing = json.loads(line)
    if listing["abuse"] != "honest" and not listing["overlay"]:
        continue
    begin = time.perf_counter()
    lines, _ = read(f"{folder}/{listing['image']}")
    seconds += time.perf_counter() - begin
    count += 1
    score = max((float(conf) * math.sqrt(len(text)) for _, text, conf in lines or []), default=0.0)
    scores.setdefault(listing["abuse"], []).append(score)
    if listing["abuse"].startswith("slogan"):
        by_script.setdefault(listing["script"], []).append(score)
honest = scores.pop("honest")
everything = [s for of in scores.values() for s in of]
print(json.dumps({"auc": auc(honest, everything), "milliseconds": 1e3 * seconds / count, "pictures": count,
                  "by_abuse": {k: auc(honest, v) for k, v in scores.items()},
                  "by_script": {k: auc(honest, v) for k, v in by_script.items()}}))
