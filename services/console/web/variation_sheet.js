// What the model makes of other words with the same noise: a row for a word, a column for a
// noise. Unsure pictures too: the sheet shows the model, not what it would offer.
import { h, field, select, busy } from './dom.js';
import { call, categoryPath, dataUrl } from './api.js';
import { productOf, valuesOf } from './product_form.js';
import { t } from './i18n.js';

const NOISES = 4;
const MAX_ROWS = 12;
const USUAL = { color: 'black, white, red, blue, green', category: 'Shirts, Handbags, Casual Shoes', brand: '', title: '' };

function varied(product, what, value) {
  if (what === 'color') return { ...product, attributes: [{ name: 'color', value }] };
  if (what === 'category') return { ...product, categoryPath: categoryPath(value) };
  return { ...product, [what]: value };
}

// `form` has the product and the seed.
export function variationSheet(form) {
  const what = select('what', ['color', 'category', 'brand', 'title'].map((key) => [key, t(`field.${key}`)]), 'color');
  const values = h('input', { name: 'values', required: true, autocomplete: 'off', value: USUAL.color });
  const button = h('button', { type: 'submit' }, t('sheet.run'));
  const sheet = h('div', { class: 'scroll', tabIndex: 0, role: 'group', 'aria-label': t('sheet.title'), hidden: true });
  const problem = h('p', { class: 'problem', role: 'alert' });
  what.addEventListener('change', () => { values.value = USUAL[what.value]; });

  async function draw() {
    problem.textContent = '';
    if (!form.reportValidity()) return;
    const product = productOf(valuesOf(form));
    const first = BigInt(form.elements.seed.value);
    const seeds = Array.from({ length: NOISES }, (_, i) => String(BigInt.asUintN(64, first + BigInt(i))));
    const rows = values.value.split(',').map((value) => value.trim()).filter(Boolean).slice(0, MAX_ROWS);
    const cell = (value, seed) => call('ImageGenerator/GenerateImages', { product: varied(product, what.value, value), count: 1, candidates: 1, seed, includeUnconfident: true });
    const table = await Promise.all(rows.map(async (value) => [value, await Promise.all(seeds.map((seed) => cell(value, seed)))]));
    sheet.hidden = false;
    sheet.replaceChildren(h('table', { class: 'sheet' },
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t(`field.${what.value}`)), seeds.map((seed) => h('th', { scope: 'col', class: 'mono' }, seed)))),
      h('tbody', {}, table.map(([value, answers]) => h('tr', {}, h('th', { scope: 'row' }, value), answers.map(({ images: [only] = [], noImageReason }) =>
        h('td', {}, only ? h('img', { src: dataUrl(only.image), alt: `${value}` }) : h('div', { class: 'picture none', title: noImageReason }))))))));
  }

  return h('details', { class: 'card' }, h('summary', {}, t('sheet.title')),
    h('form', { class: 'stack', onsubmit: (event) => { event.preventDefault(); busy(button, () => draw().catch((error) => { problem.textContent = error.message; })); } },
      h('p', { class: 'quiet' }, t('sheet.about')),
      h('div', { class: 'pair' }, field(t('sheet.vary'), what), field(t('sheet.values'), values, t('sheet.valuesHint'))), button, problem),
    sheet);
}
