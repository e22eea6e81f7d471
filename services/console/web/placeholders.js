// Placeholders: review of the generated pictures, by mouse or by A, R and the arrow keys.
import { h, select, busy, empty, percent, picture, toast } from './dom.js';
import { call, placeholderUrl, watchJob, isEnded } from './api.js';
import { t } from './i18n.js';

const STATES = ['PROPOSED', 'APPROVED', 'REJECTED', 'RETIRED'].map((name) => `PLACEHOLDER_STATE_${name}`);

export function render(root, signal) {
  let token = '';
  const grid = h('div', { class: 'gallery review' });
  const more = h('button', { type: 'button', hidden: true, onclick: () => busy(more, load) }, t('more'));
  const state = select('state', STATES.map((key) => [key, t(key)]), STATES[0]);
  state.setAttribute('aria-label', t('field.state'));
  state.addEventListener('change', reload);
  const make = h('button', { type: 'button', class: 'primary', onclick: () => busy(make, start) }, t('placeholders.make'));
  const progress = h('p', { class: 'quiet', role: 'status' });
  root.append(h('div', { class: 'toolbar' }, state, make, progress, h('span', { class: 'keys' }, h('kbd', {}, 'A'), ` ${t('approve')} `, h('kbd', {}, 'R'), ` ${t('reject')} `, h('kbd', {}, '← →'))), grid, more);
  reload();

  async function start() {
    const { job } = await call('ImageGenerator/MakePlaceholders', {});
    const stop = watchJob('job', job.id, (now) => {
      const p = now.progress || {};
      progress.textContent = `${t(now.state)} · ${percent(now.done || 0)} · ${t('placeholders.proposed')} ${p.proposed || 0}`;
      if (isEnded(now)) { if (now.error) toast(now.error, 'bad'); reload(); }
    }, (message) => toast(message, 'bad'));
    signal.addEventListener('abort', stop);
  }

  async function reload() {
    token = '';
    grid.replaceChildren();
    try { await load(); } catch (error) { grid.replaceChildren(empty(t('failed'), error.message)); }
  }

  async function load() {
    const page = await call('ImageGenerator/ListPlaceholderQueue', { state: state.value, pageSize: 48, pageToken: token });
    if (signal.aborted) return;
    const items = page.placeholders || [];
    const titles = await titlesOf(items.map((item) => item.productId));
    if (!items.length && !token) grid.append(empty(t('placeholders.empty'), t('placeholders.emptyText')));
    grid.append(...items.map((item) => tile(item, titles.get(item.productId) || '')));
    token = page.nextPageToken || '';
    more.hidden = !token;
  }

  async function titlesOf(ids) {
    if (!ids.length) return new Map();
    const { products = [] } = await call('ProductStore/BatchGetProducts', { ids });
    return new Map(products.map(({ product }) => [product.id, product.title || '']));
  }

  function tile(item, title) {
    const open = item.state === 'PLACEHOLDER_STATE_PROPOSED';
    const approve = h('button', { type: 'button', class: 'good', onclick: () => review(card, item, true) }, t('approve'));
    const reject = h('button', { type: 'button', class: 'bad', onclick: () => review(card, item, false) }, t('reject'));
    const card = h('figure', { tabIndex: 0, class: 'tile', 'aria-label': title || item.productId },
      picture(placeholderUrl(item.productId), title),
      h('figcaption', {}, h('span', { class: 'title' }, title || item.productId), h('span', { class: 'quiet' }, `${percent(item.confidence || 0)} · ${t(item.state)}`), item.rejectionReason ? h('span', { class: 'quiet' }, item.rejectionReason) : null),
      open ? h('div', { class: 'actions' }, approve, reject) : null);
    card.review = open ? (yes) => review(card, item, yes) : undefined;
    return card;
  }

  async function review(card, item, yes) {
    if (card.classList.contains('leaving')) return;
    card.classList.add('leaving');
    const next = card.nextElementSibling || card.previousElementSibling;
    try {
      await call('ImageGenerator/ReviewPlaceholder', { productId: item.productId, approve: yes });
      const focused = card.contains(document.activeElement);
      card.remove();
      if (focused) next?.focus();
      if (!grid.children.length) reload();
    } catch (error) {
      card.classList.remove('leaving');
      toast(error.message, 'bad');
    }
  }

  document.addEventListener('keydown', (event) => {
    const key = event.key.toLowerCase();
    if (!['a', 'r', 'arrowright', 'arrowleft'].includes(key) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, select, [role="tab"]')) return;
    const card = event.target.closest('.tile');
    // The first key only chooses the first picture: nothing is decided unseen.
    if (!card) grid.querySelector('.tile')?.focus();
    else if (key === 'a' || key === 'r') card.review?.(key === 'a');
    else if (key === 'arrowright') card.nextElementSibling?.focus();
    else card.previousElementSibling?.focus();
    event.preventDefault();
  }, { signal });
}
