// Catalogue: products by search and filter, one product's page, and the fetching of images.
import { h, field, select, busy, empty, picture, failed } from './dom.js';
import { call, imageUrl, categoryPath } from './api.js';
import { categoryInput, categorySuggestions } from './product_form.js';
import { crawlPanel } from './crawl_panel.js';
import { renderProduct } from './product.js';
import { t } from './i18n.js';

const STATES = ['UNSPECIFIED', 'STORED', 'PENDING', 'MISSING', 'FAILED'].map((name) => `IMAGE_STATE_${name}`);
const VERDICTS = ['UNSPECIFIED', 'CLEAN', 'REVIEW', 'ABUSE', 'NOT_SCORED'].map((name) => `VERDICT_KIND_${name}`);
const FOUND = 60;

export const needs = 'ProductStore/ListProducts';

export function render(root, signal, productId) {
  return productId ? renderProduct(root, signal, productId) : renderList(root, signal);
}

function renderList(root, signal) {
  let token = '';
  const words = h('input', { type: 'search', autocomplete: 'off', placeholder: t('catalogue.words') });
  const state = select('state', STATES.map((key) => [key, t(key)]), STATES[0]);
  const verdict = select('verdict', VERDICTS.map((key) => [key, t(key)]), VERDICTS[0]);
  const category = categoryInput({ type: 'search' });
  const brand = h('input', { type: 'search', list: 'known-brand', autocomplete: 'off' });
  const list = h('div', { class: 'gallery', 'aria-live': 'polite' });
  const more = h('button', { type: 'button', hidden: true, onclick: () => busy(more, load) }, t('more'));
  for (const input of [state, verdict, category, brand]) input.addEventListener('change', reload);
  words.addEventListener('search', reload);
  root.append(crawlPanel(signal, reload),
    h('form', { class: 'card toolbar fields', onsubmit: (event) => { event.preventDefault(); reload(); } }, field(t('catalogue.search'), words), field(t('field.category'), category), field(t('field.brand'), brand),
      field(t('field.imageState'), state), field(t('reviews.kind'), verdict), categorySuggestions()), list, more);
  reload();

  async function reload() {
    token = '';
    more.hidden = true;
    try {
      const text = words.value.trim();
      const items = text ? await search(text) : await page();
      if (signal.aborted) return;
      list.replaceChildren(...items.map(tile));
      if (!items.length) list.append(empty(t('catalogue.empty'), t('catalogue.emptyText')));
    } catch (error) {
      list.replaceChildren(failed(error));
    }
  }

  async function load() {
    list.append(...(await page()).map(tile));
  }

  async function page() {
    const { products = [], nextPageToken = '' } = await call('ProductStore/ListProducts', {
      filter: { imageState: state.value, categoryPath: categoryPath(category.value), brand: brand.value.trim(), verdict: verdict.value }, pageSize: FOUND, pageToken: token });
    token = nextPageToken;
    more.hidden = !token;
    return products;
  }

  // An id is that product; other words are the nearest ones that keep to the filter.
  async function search(text) {
    const { products: [exact] = [] } = await call('ProductStore/BatchGetProducts', { ids: [text] });
    if (exact) return [exact];
    const { products: near = [] } = await call('TextEmbedder/FindSimilar', { text, count: FOUND, categoryPath: categoryPath(category.value) });
    if (!near.length) return [];
    const { products = [] } = await call('ProductStore/BatchGetProducts', { ids: near.map(({ productId }) => productId) });
    return products.filter(({ product, image = {} }) => (!brand.value.trim() || product.brand === brand.value.trim()) && (state.value === STATES[0] || image.state === state.value));
  }

  function tile({ product, image = {} }) {
    return h('figure', { class: 'tile' }, picture(imageUrl(product.id, 256), product.title || '', image.state !== 'IMAGE_STATE_STORED' && t('generated')),
      h('figcaption', {}, h('a', { class: 'title', href: `#catalogue/${encodeURIComponent(product.id)}` }, product.title || product.id),
        h('span', { class: 'quiet' }, [(product.categoryPath || []).join(' › '), product.brand].filter(Boolean).join(' · ')), imageChip(image)));
  }
}

export function imageChip(image) {
  const named = image.state || 'IMAGE_STATE_MISSING';
  const tone = { IMAGE_STATE_STORED: 'good', IMAGE_STATE_FAILED: 'bad', IMAGE_STATE_PENDING: 'warn' }[named] || '';
  return h('span', { class: `chip ${tone}`, title: image.failureMessage || image.failure || '' }, t(named), image.width ? ` ${image.width}×${image.height}` : '');
}
