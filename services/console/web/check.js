// Check: does this image belong to this listing?
import { h, field, select, bar, busy, empty, percent } from './dom.js';
import { call, toBase64, productOf, listBundles } from './api.js';
import { t } from './i18n.js';
import { tile, withOwnImage } from './similar.js';

const MAX_BYTES = 16 * 1024 * 1024;
const EVIDENCE = 4;  // products of each kind
const TONES = { VERDICT_KIND_CLEAN: 'good', VERDICT_KIND_REVIEW: 'warn', VERDICT_KIND_ABUSE: 'bad', VERDICT_KIND_NOT_SCORED: '' };

// Shared with Generate: what describes a product.
export function productFields() {
  const list = h('datalist', { id: 'categories' });
  listBundles().then(({ current }) => list.append(...(current?.gan?.categories || []).map((value) => h('option', { value }))), () => {});
  return [
    field(t('field.title'), h('input', { name: 'title', required: true, maxlength: '1000', autocomplete: 'off', placeholder: t('example.title') })),
    field(t('field.category'), h('input', { name: 'category', required: true, list: 'categories', autocomplete: 'off', placeholder: t('example.category') }), t('hint.category')),
    list,
    h('div', { class: 'pair' },
      field(t('field.brand'), h('input', { name: 'brand', maxlength: '256', autocomplete: 'off', placeholder: t('example.brand') })),
      field(t('field.color'), h('input', { name: 'color', maxlength: '256', autocomplete: 'off', placeholder: t('example.color') }))),
  ];
}

export function render(root, signal) {
  let file;
  const preview = h('div', { class: 'preview' });
  const input = h('input', { type: 'file', accept: 'image/jpeg,image/png,image/webp,image/gif', class: 'visually-hidden', id: 'image', onchange: () => take(input.files[0]) });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const drop = h('label', { class: 'drop', for: 'image' }, preview, h('span', { class: 'dropword' }, h('strong', {}, t('check.drop')), h('small', {}, t('check.limits'))));
  const button = h('button', { class: 'primary', type: 'submit' }, t('check.run'));
  const policy = select('policy', [['', t('check.noPolicy')]], '');
  call('AbuseScorer/ListPolicies', {}).then(({ policies = [] }) => policy.append(...policies.map(({ name, title }) => h('option', { value: name }, title))), () => {});
  const form = h('form', { class: 'card stack', onsubmit: run }, input, drop, problem, productFields(), field(t('check.policy'), policy), button);
  const result = h('div', { class: 'card result', 'aria-live': 'polite' }, empty(t('check.empty'), t('check.emptyText')));
  root.append(h('div', { class: 'columns' }, form, result));

  for (const name of ['dragover', 'dragenter']) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add('over'); });
  for (const name of ['dragleave', 'drop']) drop.addEventListener(name, () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => { event.preventDefault(); take(event.dataTransfer.files[0]); });
  document.addEventListener('paste', (event) => take([...event.clipboardData.files][0]), { signal });

  function take(chosen) {
    if (!chosen) return;
    problem.textContent = '';
    if (!chosen.type.startsWith('image/')) { problem.textContent = t('check.notImage'); return; }
    if (chosen.size > MAX_BYTES) { problem.textContent = t('check.tooBig'); return; }
    file = chosen;
    const image = h('img', { alt: chosen.name, src: URL.createObjectURL(chosen) });
    image.addEventListener('load', () => URL.revokeObjectURL(image.src));
    preview.replaceChildren(image);
    drop.classList.add('filled');
  }

  function run(event) {
    event.preventDefault();
    if (!file) { problem.textContent = t('check.needImage'); input.focus(); return; }
    busy(button, async () => {
      const image = await toBase64(file);
      const { verdict } = await call('AbuseScorer/ScoreListing', { product: productOf(form), image, evidence: EVIDENCE, policy: policy.value });
      await show(verdict || {});
    });
  }

  async function show(verdict) {
    const kind = verdict.kind || 'VERDICT_KIND_NOT_SCORED';
    const boxes = verdict.overlayBoxes || [];
    result.replaceChildren(
      h('div', { class: `verdict ${TONES[kind]}` }, h('span', { class: 'dot' }), h('div', {}, h('h2', {}, t(kind)), h('p', {}, verdict.notScoredReason || t(`${kind}.text`)))),
      h('div', { class: 'stack' }, (verdict.reasons || []).map((score) => {
        const share = score.probability || 0;
        const line = bar(t(score.reason), share, share > 0.7 ? 'bad' : share > 0.4 ? 'warn' : 'good');
        // A policy's is said rule by rule below.
        return score.detail && score.reason !== 'ABUSE_REASON_POLICY' ? h('div', {}, line, h('p', { class: 'quiet' }, score.detail)) : line;
      })),
      findings(verdict.policyFindings || []),
      looksLike(verdict.sight || {}),
      await pictureWithBoxes(boxes),
      await evidenceOf(verdict, 'EVIDENCE_KIND_PICTURE'),
      await evidenceOf(verdict, 'EVIDENCE_KIND_TEXT'),
      (verdict.degraded || []).length ? h('ul', { class: 'quiet' }, verdict.degraded.map((why) => h('li', {}, why))) : '',
      h('p', { class: 'quiet' }, [verdict.bundleVersion, verdict.milliseconds ? `${verdict.milliseconds.toFixed(1)} ms` : ''].filter(Boolean).join(' · ')));
    result.scrollIntoView({ block: 'nearest' });
  }

  function looksLike({ category, categoryProbability = 0, color, colorProbability = 0 }) {
    const seen = [category && `${category} ${percent(categoryProbability)}`, color && `${color} ${percent(colorProbability)}`].filter(Boolean);
    return seen.length ? h('p', {}, h('span', { class: 'quiet' }, `${t('check.looksLike')} `), seen.join(', ')) : '';
  }

  // Rules of the asked marketplace that the picture breaks, each with where it says so.
  function findings(broken) {
    return broken.length ? h('ul', {}, broken.map(({ rule, detail, source }) => h('li', {}, h('strong', {}, rule.replaceAll('_', ' ')), ` ${detail} `,
      h('a', { href: source, rel: 'noreferrer', target: '_blank' }, t('check.source'))))) : '';
  }

  // The products nearest to a picture that does not seem to be the listing's.
  async function evidenceOf({ evidence = [] }, kind) {
    const products = evidence.filter((product) => product.kind === kind);
    if (!products.length) return '';
    // Without the store's word no picture is passed off as the product's own.
    const own = await withOwnImage(products.map(({ productId }) => productId)).catch(() => new Set());
    return h('div', { class: 'stack' }, h('h3', {}, t(kind)),
      h('div', { class: 'gallery' }, products.map((product) => tile({ ...product, cosine: product.similarity }, own.has(product.productId)))));
  }

  // Boxes are in pixels of the submitted image.
  async function pictureWithBoxes(boxes) {
    if (!boxes.length) return '';
    const bitmap = await createImageBitmap(file);
    const canvas = h('canvas', { class: 'boxes', width: bitmap.width, height: bitmap.height, role: 'img', 'aria-label': t('check.boxes') });
    const pen = canvas.getContext('2d');
    pen.drawImage(bitmap, 0, 0);
    pen.lineWidth = Math.max(2, bitmap.width / 120);
    pen.strokeStyle = '#d64545';
    pen.fillStyle = 'rgba(214, 69, 69, 0.15)';
    for (const { x = 0, y = 0, width = 0, height = 0 } of boxes) {
      pen.fillRect(x, y, width, height);
      pen.strokeRect(x, y, width, height);
    }
    return h('figure', {}, canvas, h('figcaption', { class: 'quiet' }, t('check.boxes')));
  }
}
