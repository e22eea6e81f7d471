import sys

import grpc
from mannequin.v1 import abuse_scorer_pb2, abuse_scorer_pb2_grpc, product_pb2, verdict_pb2

server, photo = sys.argv[1:]  # 127.0.0.1:8600 photo.jpg
scorer = abuse_scorer_pb2_grpc.AbuseScorerStub(grpc.insecure_channel(server))
request = abuse_scorer_pb2.ScoreListingRequest(
    product=product_pb2.Product(title="Steel watch", category_path=["Watches"], brand="Acme"),
    image=open(photo, "rb").read())
verdict = scorer.ScoreListing(request, timeout=5).verdict
print(verdict_pb2.VerdictKind.Name(verdict.kind))
for reason in verdict.reasons:
    print(verdict_pb2.AbuseReason.Name(reason.reason), reason.probability)
