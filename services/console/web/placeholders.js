// Placeholders: review of the generated pictures, by mouse or by A, R, D and the arrow keys.
import { h, field, select, busy, empty, percent, number, toast, failed } from './dom.js';
import { call, categoryPath, reviewer, watchJob, isEnded } from './api.js';
import { ask } from './dialog.js';
import { reviewerField } from './decision.js';
import { categoryInput, categorySuggestions } from './product_form.js';
import { placeholderCard, PROPOSED } from './placeholder_card.js';
import { cardKeys } from './card_keys.js';
import { t } from './i18n.js';

const STATES = ['PROPOSED', 'APPROVED', 'REJECTED', 'RETIRED'].map((name) => `PLACEHOLDER_STATE_${name}`);

export const needs = 'ImageGenerator/ListPlaceholderQueue';

export function render(root, signal) {
  let token = '';
  const grid = h('div', { class: 'gallery review' });
  const more = h('button', { type: 'button', hidden: true, onclick: () => busy(more, load) }, t('more'));
  const state = select('state', STATES.map((key) => [key, t(key)]), STATES[0]);
  const category = categoryInput({ type: 'search' });
  const least = h('input', { type: 'number', min: '0', max: '100', step: '1', value: '0' });
  for (const input of [state, category, least]) input.addEventListener('change', reload);
  const bulk = h('button', { type: 'button', class: 'good', onclick: () => busy(bulk, approveAll) }, t('placeholders.bulk'));
  const make = h('button', { type: 'button', class: 'primary', onclick: () => busy(make, start) }, t('placeholders.make'));
  const progress = h('p', { class: 'quiet', role: 'status' });
  root.append(
    h('div', { class: 'card toolbar fields' }, field(t('field.state'), state), field(t('field.category'), category), field(t('placeholders.least'), least), reviewerField(), categorySuggestions()),
    h('div', { class: 'toolbar' }, make, bulk, progress, h('span', { class: 'keys' }, h('kbd', {}, 'A'), ` ${t('approve')} `, h('kbd', {}, 'R'), ` ${t('reject')} `, h('kbd', {}, 'D'), ` ${t('redraw')} `, h('kbd', {}, '← →'))), grid, more);
  cardKeys(grid, { a: (card) => card.run('approve'), r: (card) => card.run('reject'), d: (card) => card.run('redraw') }, signal);
  reload();

  function confidence() {
    return Math.min(100, Math.max(0, Number(least.value) || 0)) / 100;
  }

  async function start() {
    const { job } = await call('ImageGenerator/MakePlaceholders', { categoryPath: categoryPath(category.value) });
    const stop = watchJob('job', job.id, (now) => {
      const p = now.progress || {};
      const none = (p.noImage || []).reduce((sum, { products }) => sum + Number(products || 0), 0);
      progress.textContent = [t(now.state), percent(now.done || 0), `${t('placeholders.proposed')} ${number(p.proposed)}`, none && `${t('generate.none')} ${number(none)}`].filter(Boolean).join(' · ');
      if (isEnded(now)) { if (now.error) toast(now.error, 'bad'); reload(); }
    }, (message) => toast(message, 'bad'));
    signal.addEventListener('abort', stop);
  }

  // Asks with the very bounds that will be sent.
  async function approveAll() {
    const bounds = { categoryPath: categoryPath(category.value), minConfidence: confidence() };
    const where = bounds.categoryPath.join(' › ') || t('placeholders.everywhere');
    const answer = await ask(t('placeholders.bulk'), h('p', {}, t('placeholders.bulkText').replace('{where}', where).replace('{least}', percent(bounds.minConfidence))), { run: t('approve'), tone: 'primary' });
    if (!answer) return;
    const { approved, skipped } = await call('ImageGenerator/ApprovePlaceholders', { ...bounds, reviewer: reviewer() });
    toast(`${t('PLACEHOLDER_STATE_APPROVED')} ${number(approved)}${Number(skipped) ? ` · ${t('placeholders.skipped')} ${number(skipped)}` : ''}`);
    await reload();
  }

  async function reload() {
    token = '';
    grid.replaceChildren();
    bulk.hidden = state.value !== PROPOSED;
    try { await load(); } catch (error) { grid.replaceChildren(failed(error)); }
  }

  async function load() {
    const page = await call('ImageGenerator/ListPlaceholderQueue', { state: state.value, pageSize: 48, pageToken: token, categoryPath: categoryPath(category.value), minConfidence: confidence() });
    const items = page.placeholders || [];
    const listings = await listingsOf(items.map((item) => item.productId));
    if (signal.aborted) return;
    if (!items.length && !token) grid.append(empty(t('placeholders.empty'), t('placeholders.emptyText')));
    grid.append(...items.map((item) => card(item, listings.get(item.productId) || {})));
    token = page.nextPageToken || '';
    more.hidden = !token;
  }

  async function listingsOf(ids) {
    if (!ids.length) return new Map();
    const { products = [] } = await call('ProductStore/BatchGetProducts', { ids });
    return new Map(products.map(({ product }) => [product.id, product]));
  }

  // One that has left the asked state leaves the grid, and the next one has the focus.
  function card(item, listing) {
    const element = placeholderCard(item, listing, (now) => {
      const focused = element.contains(document.activeElement) || document.activeElement === document.body;
      const next = now.state === state.value ? card(now, listing) : undefined;
      const neighbour = element.nextElementSibling || element.previousElementSibling;
      if (next) element.replaceWith(next); else element.remove();
      if (focused) (next || neighbour)?.focus();
      if (!grid.children.length) reload();
    });
    return element;
  }
}
