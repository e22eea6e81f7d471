"""Latency and rate of FastAPI: the network of score_network.py in the server's process, all cores for a request (its
best setting for one caller), loaded by wrk. Prints one JSON object: the median of 3 runs."""
import base64

import torch
import uvicorn
from fastapi import FastAPI, Request

from score_network import network, pixels

app = FastAPI()
discriminator = network()


@app.post('/predict')
async def predict(request: Request):
    body = await request.json()
    image = pixels(base64.b64decode(body['image']))[None].contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        source, _, category, overlay = discriminator(image, torch.tensor(body['text'])[None])
    return {'source': float(source[0]), 'category': int(category[0].argmax()), 'overlay': float(overlay.max())}


def serve(port):
    uvicorn.run(app, host='127.0.0.1', port=port, log_level='warning')


if __name__ == '__main__':
    from score_load import measure
    measure('score_fastapi', __doc__)
