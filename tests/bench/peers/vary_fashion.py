"""A SNAP catalogue of COUNT products, varied from the fashion catalogue: each product
again and again under another id, with the number of the round in its title.

    vary_fashion.py metadata.json.gz COUNT OUT.json.gz
"""
import ast
import gzip
import sys


def main():
    source, count, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        products = [ast.literal_eval(line) for line in lines]
    with gzip.open(out, "wt", encoding="utf-8", compresslevel=6) as file:
        for i in range(count):
            round_, which = divmod(i, len(products))
            product = dict(products[which])
            if round_:
                # A multiplicative hash: ids in no order, as a shop's are.
                product["asin"] = f"{(i * 2654435761) % 2**32:08X}{round_}"
                product["title"] = f"{product.get('title', '')} No. {round_}"
                if "imUrl" in product:
                    product["imUrl"] = product["imUrl"].replace(".jpg", f"-{round_}.jpg")
            file.write(repr(product) + "\n")


main()
