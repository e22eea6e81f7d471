"""gensim's Doc2Vec in its fastest mode (corpus_file, trained outside the GIL): the median
words a second of REPEAT trainings, as one JSON object.

    doc2vec_gensim.py --words FILE --mode dm --epochs 40 --repeat 3
"""
import argparse
import json
import os
import statistics
import time

from gensim.models.doc2vec import Doc2Vec

parser = argparse.ArgumentParser()
parser.add_argument("--words", required=True)
parser.add_argument("--mode", choices=["dm", "dbow"], default="dm")
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--repeat", type=int, default=3)
args = parser.parse_args()

seconds = []
for seed in range(1, args.repeat + 1):
    model = Doc2Vec(vector_size=100, window=4, negative=5, hs=0, min_count=2, epochs=args.epochs,
                    workers=os.cpu_count(), dm=int(args.mode == "dm"), dbow_words=0, seed=seed)
    model.build_vocab(corpus_file=args.words)
    start = time.perf_counter()
    model.train(corpus_file=args.words, total_examples=model.corpus_count, total_words=model.corpus_total_words,
                epochs=args.epochs)
    seconds.append(time.perf_counter() - start)
words = sum(len(line.split()) for line in open(args.words, encoding="utf-8"))
print(json.dumps({"words_per_second": round(words * args.epochs / statistics.median(seconds))}))
