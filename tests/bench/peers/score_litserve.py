"""Scores a second of LitServe: our discriminator written in PyTorch as a person would, 128 pixels, 64 features,
random weights, float32, behind 2 workers of 1 thread each (its best setting on 2 cores), loaded by wrk.
HTTP takes JSON with a base64 JPEG and a text vector. Prints one JSON object: the median of 3 runs."""
import argparse, base64, io, json, os, random, re, signal, subprocess, sys, tarfile, tempfile, time, urllib.request

import litserve as ls
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

TEXT, CATEGORIES, RESOLUTION, FEATURES = 100, 20, 128, 64


class Discriminator(nn.Module):
    def __init__(self, nf=FEATURES):
        super().__init__()
        maps = [3, nf, 2 * nf, 4 * nf, 8 * nf]
        self.down = nn.ModuleList(nn.Sequential(nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2))
                                  for a, b in zip(maps, maps[1:]))
        self.project = nn.Sequential(nn.Linear(TEXT, 128), nn.LeakyReLU(0.2))
        self.mix = nn.Sequential(nn.Conv2d(8 * nf + 128, 8 * nf, 1, bias=False), nn.BatchNorm2d(8 * nf), nn.LeakyReLU(0.2))
        flat = 8 * nf * (RESOLUTION // 16) ** 2
        self.source, self.category = nn.Linear(flat, 1), nn.Linear(flat, CATEGORIES)
        self.image_category = nn.Linear(8 * nf, CATEGORIES)
        self.overlay = nn.Sequential(nn.Conv2d(4 * nf, nf, 1), nn.LeakyReLU(0.2), nn.Conv2d(nf, 1, 3, 1, 1))

    def forward(self, image, text):
        h = image
        for i, layer in enumerate(self.down):
            h = layer(h)
            if i == 2:
                overlay = self.overlay(h)
        meaning = self.project(text)[:, :, None, None].expand(-1, -1, h.shape[2], h.shape[3])
        flat = self.mix(torch.cat([h, meaning], 1)).flatten(1)
        return self.source(flat)[:, 0], self.category(flat), self.image_category(h.mean((2, 3))), overlay


def pixels(jpeg):
    image = Image.open(io.BytesIO(jpeg)).convert('RGB').resize((RESOLUTION, RESOLUTION), Image.BILINEAR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div(127.5).sub(1)


class Api(ls.LitAPI):
    def setup(self, device):
        torch.set_num_threads(1)
        torch.manual_seed(1)
        self.network = Discriminator().eval().to(memory_format=torch.channels_last)

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


def milliseconds(text):
    number, unit = re.match(r'([\d.]+)(us|ms|s|m)$', text).groups()
    return round(float(number) * {'us': 1e-3, 'ms': 1, 's': 1e3, 'm': 6e4}[unit], 1)


def load(port, script, callers, seconds):
    out = subprocess.run(['wrk', '-t1', f'-c{callers}', f'-d{seconds}s', '--latency', '--timeout', '30s', '-s', script,
                          f'http://127.0.0.1:{port}'], capture_output=True, text=True, check=True).stdout
    if 'Non-2xx' in out:
        sys.exit('score_litserve: the peer answered with errors:\n' + out)
    return {'requests_per_second': float(re.search(r'Requests/sec:\s+([\d.]+)', out)[1]),
            'p50_ms': milliseconds(re.search(r'\n +50% +(\S+)', out)[1]),
            'p99_ms': milliseconds(re.search(r'\n +99% +(\S+)', out)[1])}


def main():
    arg = argparse.ArgumentParser(description=__doc__)
    arg.add_argument('--images', required=True, help='tar of JPEGs')
    arg.add_argument('--callers', type=int, default=16)
    arg.add_argument('--seconds', type=int, default=8)
    arg.add_argument('--port', type=int, default=8911)
    a = arg.parse_args()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as work:
        with tarfile.open(a.images) as tar, open(f'{work}/bodies', 'w') as bodies:
            for member in [m for m in tar if m.isfile()][:200]:
                image = base64.b64encode(tar.extractfile(member).read()).decode()
                bodies.write(json.dumps({'image': image, 'text': [round(rng.gauss(0, 1), 4) for _ in range(TEXT)]}) + '\n')
        with open(f'{work}/post.lua', 'w') as script:
            script.write('''local bodies, i = {}, 0
for line in io.lines("%s/bodies") do bodies[#bodies + 1] = line end
local headers = {["Content-Type"] = "application/json"}
request = function() i = i %% #bodies + 1; return wrk.format("POST", "/predict", headers, bodies[i]) end
''' % work)
        with open(f'{work}/bodies') as bodies:
            first = bodies.readline().encode()
        # A module of its own name: LitServe pickles the class into its workers. A session of its own: they outlive
        # their parent, and would disturb what is measured next.
        server = subprocess.Popen([sys.executable, '-c', f'import score_litserve; score_litserve.serve({a.port})'],
                                  cwd=os.path.dirname(os.path.abspath(__file__)), start_new_session=True,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(600):
                if server.poll() is not None:
                    sys.exit('score_litserve: the server ended by itself')
                try:
                    urllib.request.urlopen(urllib.request.Request(f'http://127.0.0.1:{a.port}/predict', first,
                                                                  {'Content-Type': 'application/json'})).read()
                    break
                except OSError:
                    time.sleep(0.2)
            load(a.port, f'{work}/post.lua', a.callers, 3)
            runs = [load(a.port, f'{work}/post.lua', a.callers, a.seconds) for _ in range(3)]
            print(json.dumps(sorted(runs, key=lambda run: run['requests_per_second'])[1]))
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


if __name__ == '__main__':
    main()
