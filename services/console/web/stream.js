// A server-streaming RPC by the Connect protocol: messages as they come.
//
//   for await (const { job } of stream('GanTrainer/WatchTraining', { jobId }, signal)) ...
import { CallError, headers, unreachable } from './api.js';

const END = 2;
const HEADER = 5;

function envelope(request) {
  const json = new TextEncoder().encode(JSON.stringify(request));
  const bytes = new Uint8Array(HEADER + json.length);
  new DataView(bytes.buffer).setUint32(1, json.length);
  bytes.set(json, HEADER);
  return bytes;
}

// Throws CallError; ends quietly when `signal` aborts.
export async function* stream(method, request, signal) {
  let held = new Uint8Array();
  try {
    const answer = await fetch(`/mannequin.v1.${method}`, { method: 'POST', headers: headers('application/connect+json'), body: envelope(request), signal });
    if (!answer.ok) throw new CallError((await answer.json().catch(() => ({}))).code || 'unknown', `HTTP ${answer.status}`);
    const reader = answer.body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new CallError('unavailable', 'The stream broke off.');
      const joined = new Uint8Array(held.length + value.length);
      joined.set(held);
      joined.set(value, held.length);
      held = joined;
      while (held.length >= HEADER) {
        const end = HEADER + new DataView(held.buffer, held.byteOffset).getUint32(1);
        if (held.length < end) break;
        const message = JSON.parse(new TextDecoder().decode(held.subarray(HEADER, end)));
        const flags = held[0];
        held = held.slice(end);
        if (flags & END) {
          if (message.error) throw new CallError(message.error.code, message.error.message);
          return;
        }
        yield message;
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof TypeError) throw unreachable();
    throw error;
  }
}
