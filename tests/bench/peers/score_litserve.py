"""Scores a second of LitServe: the network of score_network.py in float32 behind 2 workers of 1 thread each (its best
setting on 2 cores), loaded by wrk. Prints one JSON object: the median of 3 runs."""
import base64

import litserve as ls
import torch

from score_network import network, pixels


class Api(ls.LitAPI):
    def setup(self, device):
        torch.set_num_threads(1)
        self.network = network()

    def decode_request(self, request):
        return pixels(base64.b64decode(request['image'])), torch.tensor(request['text'])

    def batch(self, inputs):
        return torch.stack([image for image, _ in inputs]), torch.stack([text for _, text in inputs])

    @torch.inference_mode()
    def predict(self, inputs):
        source, _, image_category, overlay = self.network(inputs[0].contiguous(memory_format=torch.channels_last), inputs[1])
        best = overlay.flatten(1).amax(1)
        return [{'source': float(s), 'category': int(k), 'overlay': float(o)}
                for s, k, o in zip(source, image_category.argmax(1), best)]

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return output


def serve(port):
    ls.LitServer(Api(max_batch_size=16, batch_timeout=0.005), accelerator='cpu', workers_per_device=2).run(
        host='127.0.0.1', port=port, log_level='warning', generate_client_file=False, num_api_servers=1)


if __name__ == '__main__':
    from score_load import measure
    measure('score_litserve', __doc__)
