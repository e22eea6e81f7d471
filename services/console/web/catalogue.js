// Catalogue: products page by page, and the fetching of their images.
import { h, select, busy, empty, picture, number, percent, toast, bytes } from './dom.js';
import { call, imageUrl, categoryPath, watchJob, isEnded } from './api.js';
import { t } from './i18n.js';

const STATES = ['UNSPECIFIED', 'STORED', 'PENDING', 'MISSING', 'FAILED'].map((name) => `IMAGE_STATE_${name}`);

export function render(root, signal) {
  let token = '';
  const state = select('state', STATES.map((key) => [key, t(key)]), STATES[0]);
  state.setAttribute('aria-label', t('field.imageState'));
  const category = h('input', { name: 'category', type: 'search', 'aria-label': t('field.category'), placeholder: t('example.category') });
  const crawl = h('button', { type: 'button', class: 'primary', onclick: () => busy(crawl, fetchImages) }, t('catalogue.fetch'));
  const progress = h('p', { class: 'quiet', role: 'status' });
  const list = h('div', { class: 'gallery' });
  const more = h('button', { type: 'button', hidden: true, onclick: () => busy(more, load) }, t('more'));
  state.addEventListener('change', reload);
  category.addEventListener('change', reload);
  root.append(h('div', { class: 'toolbar' }, state, category, crawl, progress), list, more);
  reload();

  async function reload() {
    token = '';
    list.replaceChildren();
    try { await load(); } catch (error) { list.replaceChildren(empty(t('failed'), error.message)); }
  }

  async function load() {
    const page = await call('ProductStore/ListProducts', {
      filter: { imageState: state.value, categoryPath: categoryPath(category.value) }, pageSize: 60, pageToken: token });
    if (signal.aborted) return;
    const items = page.products || [];
    if (!items.length && !token) list.append(empty(t('catalogue.empty'), t('catalogue.emptyText')));
    list.append(...items.map(tile));
    token = page.nextPageToken || '';
    more.hidden = !token;
  }

  function tile({ product, image = {} }) {
    const named = image.state || 'IMAGE_STATE_MISSING';
    const tone = { IMAGE_STATE_STORED: 'good', IMAGE_STATE_FAILED: 'bad', IMAGE_STATE_PENDING: 'warn' }[named] || '';
    const why = image.failureMessage || image.failure || '';
    return h('figure', { class: 'tile' }, picture(imageUrl(product.id, 256), product.title || '', image.state !== 'IMAGE_STATE_STORED' && t('generated')),
      h('figcaption', {}, h('span', { class: 'title' }, product.title || product.id),
        h('span', { class: 'quiet' }, [(product.categoryPath || []).join(' › '), product.brand].filter(Boolean).join(' · ')),
        h('span', { class: `chip ${tone}`, title: why }, t(named), image.width ? ` ${image.width}×${image.height}` : '')));
  }

  async function fetchImages() {
    const { job } = await call('ImageFetcher/StartCrawl', {});
    const stop = watchJob('crawl', job.id, (now) => {
      const p = now.progress || {};
      const failed = (p.failed || []).reduce((sum, each) => sum + Number(each.products || 0), 0);
      progress.textContent = [t(now.state), percent(now.done || 0), `${t('IMAGE_STATE_STORED')} ${number(p.stored)}`, `${t('IMAGE_STATE_FAILED')} ${number(failed)}`,
        `${(p.imagesPerSecond || 0).toFixed(1)}/s`, `${bytes(Math.round(p.bytesPerSecond || 0))}/s`, bytes(p.receivedBytes)].join(' · ');
      if (isEnded(now)) { if (now.error || p.warning) toast(now.error || p.warning, 'bad'); reload(); }
    }, (message) => toast(message, 'bad'));
    signal.addEventListener('abort', stop);
  }
}
