// The services, by the Connect protocol's unary JSON.
//
//   const { product } = await call('ProductStore/GetProduct', { id: 'B000' });

import { t } from './i18n.js';

export class CallError extends Error {
  constructor(code, message) {
    super(message || code);
    this.code = code;
  }
}

export const headers = (type, more) => ({ 'Content-Type': type, 'Connect-Protocol-Version': '1', ...more });

// Said to the whole page, which then waits for the console to come back.
export function unreachable() {
  dispatchEvent(new Event('console-lost'));
  return new CallError('unavailable', t('lost.call'));
}

export async function call(method, request = {}, timeoutMs = 60000) {
  let response;
  try {
    response = await fetch(`/mannequin.v1.${method}`, {
      method: 'POST',
      headers: headers('application/json', { 'Connect-Timeout-Ms': String(timeoutMs) }),
      body: JSON.stringify(request),
    });
  } catch {
    throw unreachable();
  }
  const body = await response.json().catch(() => ({}));
  if (response.status === 401) dispatchEvent(new Event('console-sign-in'));
  if (!response.ok) throw new CallError(body.code || 'unknown', body.message || `HTTP ${response.status}`);
  return body;
}

// A rendition with at least that side, or the picture itself.
export const imageUrl = (productId, side = 0) => `/images/${encodeURIComponent(productId)}${side ? `?side=${side}` : ''}`;
export const placeholderUrl = (productId) => `/placeholders/${encodeURIComponent(productId)}.png`;
export const dataUrl = (image) => `data:${image.mediaType};base64,${image.data}`;

export async function toBase64(file) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return url.slice(url.indexOf(',') + 1);
}

// "Apparel > Topwear > Shirts" to its parts.
export const categoryPath = (text) => text.split('>').map((part) => part.trim()).filter(Boolean);

// Who decides, as reviews and placeholders keep it.
const REVIEWER = 'mannequin.reviewer';
let reader = 'console';
export const setReader = (name = 'console') => { reader = name; };  // as whom the reader signed in
export const reviewer = () => localStorage.getItem(REVIEWER) || reader;
export const setReviewer = (name) => localStorage.setItem(REVIEWER, name.trim());

// Calls `onJob` at each change until the job ends; returns a function that stops watching.
export function watchJob(kind, jobId, onJob, onProblem = () => {}) {
  const source = new EventSource(`/events/${kind}?job=${encodeURIComponent(jobId)}`);
  source.addEventListener('job', (event) => {
    const job = JSON.parse(event.data);
    if (isEnded(job)) source.close();
    onJob(job);
  });
  source.addEventListener('problem', (event) => {
    source.close();
    onProblem(JSON.parse(event.data).message);
  });
  return () => source.close();
}

export const isEnded = (job) => ['JOB_STATE_SUCCEEDED', 'JOB_STATE_FAILED', 'JOB_STATE_CANCELLED'].includes(job.state);

// All bundles and the current one, or undefined. Asked once a page visit.
let bundles;
export function listBundles(fresh = false) {
  if (!bundles || fresh) {
    bundles = call('GanTrainer/ListBundles').then((answer) => ({
      all: answer.bundles || [],
      current: (answer.bundles || []).find((bundle) => bundle.version === answer.currentVersion),
    }));
    bundles.catch(() => { bundles = undefined; });
  }
  return bundles;
}
