"""The ten nearest of a catalogue by brute force, every tenth vector in turn, searches a
second: gensim's KeyedVectors and plain numpy, one at a time and a thousand at once. numpy
multiplies on all cores.

    knn_gensim.py --vectors vectors.f32 --dimension 100
"""
import argparse
import json
import time

import numpy as np
from gensim.models import KeyedVectors

parser = argparse.ArgumentParser()
parser.add_argument("--vectors", required=True)
parser.add_argument("--dimension", type=int, default=100)
args = parser.parse_args()

vectors = np.fromfile(args.vectors, np.float32).reshape(-1, args.dimension)
unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
queries = unit[::10]
keyed = KeyedVectors(args.dimension)
keyed.add_vectors([str(i) for i in range(len(unit))], unit)
keyed.fill_norms()


def gensim_one(some):
    for query in some:
        keyed.similar_by_vector(query, topn=10)


def top(scores):
    best = np.argpartition(scores, -10, axis=-1)[..., -10:]
    order = np.argsort(-np.take_along_axis(scores, best, -1), axis=-1)
    return np.take_along_axis(best, order, -1)


def numpy_one(some):
    for query in some:
        top(unit @ query)


def numpy_batch(some):
    # A thousand rows of 40,000 scores are 160 MB; fewer at once are faster.
    for at in range(0, len(some), 100):
        top(some[at:at + 100] @ unit.T)


def rate(search, some):
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        search(some)
        best = max(best, len(some) / (time.perf_counter() - start))
    return round(best)


print(json.dumps({"gensim_one": rate(gensim_one, queries[:500]), "numpy_one": rate(numpy_one, queries[:1000]),
                  "numpy_batch": rate(numpy_batch, queries)}))
