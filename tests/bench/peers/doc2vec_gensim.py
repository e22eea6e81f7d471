"""gensim's Doc2Vec in its fastest mode, as one JSON object: training by corpus_file, outside
the GIL, the median words a second of REPEAT trainings; or, with --infer, inference of the
same documents as if they were new, one process a core, the median documents a second.

    doc2vec_gensim.py --words FILE --mode dm --epochs 40 --repeat 3
    doc2vec_gensim.py --words FILE --mode dm --epochs 5 --infer 20 --repeat 3
"""
import argparse
import json
import multiprocessing
import os
import statistics
import time

import numpy
from gensim.models.doc2vec import Doc2Vec

parser = argparse.ArgumentParser()
parser.add_argument("--words", required=True)
parser.add_argument("--mode", choices=["dm", "dbow"], default="dm")
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--infer", type=int, metavar="EPOCHS", help="after one training, infer with so many epochs")
parser.add_argument("--repeat", type=int, default=3)
args = parser.parse_args()


def train(seed):
    """The model, and the seconds without those for the vocabulary."""
    model = Doc2Vec(vector_size=100, window=4, negative=5, hs=0, min_count=2, epochs=args.epochs,
                    workers=os.cpu_count(), dm=int(args.mode == "dm"), dbow_words=0, seed=seed)
    model.build_vocab(corpus_file=args.words)
    start = time.perf_counter()
    model.train(corpus_file=args.words, total_examples=model.corpus_count, total_words=model.corpus_total_words,
                epochs=args.epochs)
    return model, time.perf_counter() - start


def infer(documents):
    return [model.infer_vector(words, epochs=args.infer) for words in documents]


with open(args.words, encoding="utf-8") as file:
    documents = [line.split() for line in file]
if args.infer:
    model, _ = train(1)
    shares = [documents[at:at + 500] for at in range(0, len(documents), 500)]
    seconds = []
    # Forked, so that the model is shared and only words and vectors travel.
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        for _ in range(args.repeat):
            start = time.perf_counter()
            for _ in pool.imap_unordered(infer, shares):
                pass
            seconds.append(time.perf_counter() - start)
    a, b = infer(documents[:1])[0], infer(documents[:1])[0]
    print(json.dumps({"documents_per_second": round(len(documents) / statistics.median(seconds)),
                      "same_twice_cosine": float(a @ b / numpy.linalg.norm(a) / numpy.linalg.norm(b))}))
else:
    seconds = [train(seed)[1] for seed in range(1, args.repeat + 1)]
    words = sum(map(len, documents))
    print(json.dumps({"words_per_second": round(words * args.epochs / statistics.median(seconds))}))
