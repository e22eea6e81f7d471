"""A Python gRPC server of our own contract with the network of score_network.py in its process, two threads with a core
each, loaded by our load. Prints its JSON, with the server's memory."""
import argparse, json, os, subprocess, sys, tempfile, time

from score_load import memory_mb
from score_network import TEXT, network, pixels

HERE = os.path.dirname(os.path.abspath(__file__))
PROTOS = ['abuse_scorer', 'job', 'product', 'verdict']


def serve(port, stubs):
    from concurrent import futures

    import grpc
    import torch
    sys.path.insert(0, stubs)
    from mannequin.v1 import abuse_scorer_pb2, abuse_scorer_pb2_grpc, verdict_pb2

    torch.set_num_threads(1)
    discriminator = network()
    text = torch.randn(1, TEXT)

    class Scorer(abuse_scorer_pb2_grpc.AbuseScorerServicer):
        def ScoreListing(self, request, context):
            image = pixels(request.image)[None].contiguous(memory_format=torch.channels_last)
            with torch.inference_mode():
                source, _, category, overlay = discriminator(image, text)
            reasons = [verdict_pb2.ReasonScore(reason=verdict_pb2.ABUSE_REASON_MISMATCH,
                                               probability=float(torch.sigmoid(source[0]))),
                       verdict_pb2.ReasonScore(reason=verdict_pb2.ABUSE_REASON_PROMOTIONAL_OVERLAY,
                                               probability=float(torch.sigmoid(overlay.max())))]
            verdict = verdict_pb2.Verdict(kind=verdict_pb2.VERDICT_KIND_CLEAN, reasons=reasons)
            return abuse_scorer_pb2.ScoreListingResponse(verdict=verdict)

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    abuse_scorer_pb2_grpc.add_AbuseScorerServicer_to_server(Scorer(), server)
    server.add_insecure_port(f'127.0.0.1:{port}')
    server.start()
    print('ready', flush=True)
    server.wait_for_termination()


def measure():
    arg = argparse.ArgumentParser(description=__doc__)
    arg.add_argument('--bench', required=True, help='bench_score')
    arg.add_argument('--images', required=True, help='tar of JPEGs')
    arg.add_argument('--callers', type=int, default=16)
    arg.add_argument('--seconds', type=int, default=8)
    arg.add_argument('--port', type=int, default=8912)
    a = arg.parse_args()
    with tempfile.TemporaryDirectory() as work:
        protos = os.path.join(HERE, '../../../proto')
        subprocess.run([sys.executable, '-m', 'grpc_tools.protoc', f'-I{protos}', f'--python_out={work}',
                        f'--grpc_python_out={work}'] + [f'mannequin/v1/{name}.proto' for name in PROTOS], check=True)
        server = subprocess.Popen([sys.executable, '-c', f'import score_grpcio; score_grpcio.serve({a.port}, {work!r})'],
                                  cwd=HERE, start_new_session=True, stdout=subprocess.PIPE, text=True)
        try:
            if server.stdout.readline().strip() != 'ready':
                sys.exit('the peer does not serve')
            time.sleep(1)
            out = subprocess.run([a.bench, 'closed', '--network', 'same', '--server', f'127.0.0.1:{a.port}', '--images',
                                  a.images, '--work', work, '--callers', str(a.callers), '--seconds', str(a.seconds)],
                                 capture_output=True, text=True, check=True).stdout
            result = json.loads(out)
            result['memory_mb'] = memory_mb(server.pid)
            print(json.dumps(result))
        finally:
            server.kill()


if __name__ == '__main__':
    measure()
