// The services, by the Connect protocol's unary JSON.
//
//   const { product } = await call('ProductStore/GetProduct', { id: 'B000' });

export class CallError extends Error {
  constructor(code, message) {
    super(message || code);
    this.code = code;
  }
}

export async function call(method, request = {}, timeoutMs = 60000) {
  let response;
  try {
    response = await fetch(`/mannequin.v1.${method}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Connect-Protocol-Version': '1', 'Connect-Timeout-Ms': String(timeoutMs) },
      body: JSON.stringify(request),
    });
  } catch {
    throw new CallError('unavailable', 'The console does not answer. Is it still running?');
  }
  const body = await response.json().catch(() => ({}));
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

// Title, category, brand and colour of a form as a Product.
export function productOf(form) {
  const product = { title: form.title.value.trim(), categoryPath: categoryPath(form.category.value), brand: form.brand.value.trim() };
  const color = form.color.value.trim();
  if (color) product.attributes = [{ name: 'color', value: color }];
  return product;
}

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

// The current bundle, or undefined. Asked once a page visit.
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
