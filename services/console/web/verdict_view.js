// A verdict for a person: kind, reasons, the picture with its boxes, evidence.
import { h, bar, percent } from './dom.js';
import { t } from './i18n.js';
import { tile, withOwnImage } from './similar.js';

const TONES = { VERDICT_KIND_CLEAN: 'good', VERDICT_KIND_REVIEW: 'warn', VERDICT_KIND_ABUSE: 'bad' };
const SVG = 'http://www.w3.org/2000/svg';

export const verdictChip = (kind) => h('span', { class: `chip ${TONES[kind] || ''}` }, t(kind));

// `source`: address of the picture that was judged.
export async function verdictView(verdict, source) {
  const kind = verdict.kind || 'VERDICT_KIND_NOT_SCORED';
  return [
    h('div', { class: `verdict ${TONES[kind] || ''}` }, h('span', { class: 'dot' }), h('div', {}, h('h2', {}, t(kind)), h('p', {}, verdict.notScoredReason || t(`${kind}.text`)))),
    h('div', { class: 'judged' }, pictureWithBoxes(source, verdict.overlayBoxes || []), h('div', { class: 'stack' }, (verdict.reasons || []).map(reasonLine), looksLike(verdict.sight || {}))),
    findings(verdict.policyFindings || []),
    await evidenceOf(verdict, 'EVIDENCE_KIND_PICTURE'),
    await evidenceOf(verdict, 'EVIDENCE_KIND_TEXT'),
    (verdict.degraded || []).length ? h('ul', { class: 'quiet' }, verdict.degraded.map((why) => h('li', {}, why))) : '',
    h('p', { class: 'quiet' }, [verdict.bundleVersion, verdict.rulesVersion, verdict.milliseconds ? `${verdict.milliseconds.toFixed(1)} ms` : ''].filter(Boolean).join(' · ')),
  ].filter(Boolean);
}

// A policy's detail is said rule by rule in `findings`.
export function reasonLine({ reason, probability = 0, detail }) {
  const line = bar(t(reason), probability, probability > 0.7 ? 'bad' : probability > 0.4 ? 'warn' : 'good');
  return detail && reason !== 'ABUSE_REASON_POLICY' ? h('div', {}, line, h('p', { class: 'quiet' }, detail)) : line;
}

// Boxes are in pixels of the picture. With a name of its own it needs no caption.
export function pictureWithBoxes(source, boxes, name) {
  const image = h('img', { src: source, alt: name || (boxes.length ? t('check.boxes') : t('check.picture')) });
  const frame = h('figure', { class: 'boxed', title: boxes.length ? t('check.boxes') : '' }, h('div', {}, image), boxes.length && !name ? h('figcaption', { class: 'quiet' }, t('check.boxes')) : null);
  image.addEventListener('load', () => {
    const drawing = document.createElementNS(SVG, 'svg');
    drawing.setAttribute('viewBox', `0 0 ${image.naturalWidth} ${image.naturalHeight}`);
    drawing.setAttribute('aria-hidden', 'true');
    for (const { x = 0, y = 0, width = 0, height = 0 } of boxes) {
      const box = document.createElementNS(SVG, 'rect');
      for (const [name, value] of Object.entries({ x, y, width, height })) box.setAttribute(name, value);
      drawing.append(box);
    }
    image.after(drawing);
  }, { once: true });
  image.addEventListener('error', () => frame.classList.add('none'));
  return frame;
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
