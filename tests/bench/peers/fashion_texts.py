"""The fashion catalogue as the text figures want it, written to standard output.

    fashion_texts.py words CATALOGUE       words of title, brand and category path, one product a line
    fashion_texts.py products CATALOGUE    id, leaf category, brand, title + brand; by tabs
"""
import ast
import gzip
import html
import re
import sys

kind, path = sys.argv[1:]
with gzip.open(path, "rt", encoding="utf-8") as lines:
    for line in lines:
        product = ast.literal_eval(line)
        title, brand, categories = product.get("title", ""), product.get("brand", ""), product["categories"][0]
        if kind == "words":
            text = html.unescape(" ".join([title, brand, *categories])).lower()
            print(" ".join(word for word in re.split(r"[\W_]+", text) if word))
        else:
            print("\t".join(" ".join(field.split()) for field in (product["asin"], categories[-1], brand, title + " " + brand)))
