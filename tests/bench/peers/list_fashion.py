"""Writes "file <tab> category <tab> title" of the products of the 20 most frequent leaf categories that have a file.

usage: list_fashion.py METADATA.json.gz FOLDER > LIST
"""
import ast
import gzip
import os
import sys
from collections import Counter

metadata, folder = sys.argv[1:3]
have = {name[:-4] for name in os.listdir(folder) if name.endswith('.jpg')}
rows = []
for line in gzip.open(metadata, 'rt', encoding='utf-8'):
    product = ast.literal_eval(line)
    if product.get('asin') in have and product.get('categories') and product.get('title'):
        rows.append((product['asin'], product['categories'][0][-1], ' '.join(product['title'].split())))
top = {category for category, _ in Counter(category for _, category, _ in rows).most_common(20)}
for asin, category, title in sorted(rows):
    if category in top:
        print(os.path.join(folder, asin + '.jpg'), category, title, sep='\t')
