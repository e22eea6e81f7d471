// System: whether the services answer, what the store holds, which bundle is current.
import { h, busy, empty, failed, number, bytes, bar, when } from './dom.js';
import { call, listBundles, unreachable } from './api.js';
import { promote } from './promote.js';
import { session, signOut } from './session.js';
import { t } from './i18n.js';

const TONES = { serving: 'good', not_serving: 'warn', unreachable: 'bad' };
const EVERY_MS = 5000;

export const needs = 'ProductStore/GetStatistics';

export function render(root, signal) {
  const health = h('div', { class: 'card' });
  const statistics = h('div', { class: 'card' });
  const bundles = h('div', { class: 'card' });
  root.append(h('div', { class: 'columns even' }, health, statistics), bundles);
  showHealth();
  showStatistics();
  showBundles();
  offerSignOut();
  const timer = setInterval(() => { if (!document.hidden) { showHealth(); showStatistics(); } }, EVERY_MS);
  signal.addEventListener('abort', () => clearInterval(timer));

  async function showHealth() {
    const { services = [], metrics = [] } = await fetch('/health/services').then((response) => response.json()).catch(() => { unreachable(); return {}; });
    if (!services.length) return;
    health.replaceChildren(h('h2', {}, t('system.health')), h('ul', { class: 'plain' }, services.map(({ name, state, message }) =>
      h('li', { title: message }, h('span', { class: `chip ${TONES[state]}` }, t(`health.${state}`)), h('strong', {}, name), message ? h('small', { class: 'quiet' }, message) : null))),
    h('p', { class: 'links' }, h('span', { class: 'quiet' }, t('system.metrics')), metrics.length ? metrics.map((url) => h('a', { href: url, target: '_blank', rel: 'noreferrer' }, url)) : h('span', {}, t('system.noMetrics'))));
  }

  async function showStatistics() {
    try {
      const s = await call('ProductStore/GetStatistics');
      const total = Number(s.products || 0);
      const rows = [['system.products', number(s.products)], ['system.images', number(s.images)], ['system.imageBytes', bytes(s.imageBytes)], ['system.embeddings', number(s.embeddings)],
        ['system.placeholders', number(s.placeholders)], ['system.verdicts', number(s.verdicts)], ['system.reviews', number(s.reviews)], ['system.disk', bytes(s.diskBytes)]];
      statistics.replaceChildren(h('h2', {}, t('system.statistics')), h('dl', { class: 'facts' }, rows.map(([name, value]) => h('div', {}, h('dt', {}, t(name)), h('dd', {}, value)))),
        h('div', { class: 'stack' }, (s.imageStates || []).map((each) => bar(t(each.state || 'IMAGE_STATE_UNSPECIFIED'), total ? Number(each.products || 0) / total : 0))));
    } catch (error) {
      statistics.replaceChildren(h('h2', {}, t('system.statistics')), failed(error));
    }
  }

  async function showBundles() {
    try {
      const { all, current } = await listBundles(true);
      bundles.replaceChildren(h('h2', {}, t('system.bundles')), all.length ? h('div', { class: 'scroll', tabIndex: 0, role: 'group', 'aria-label': t('system.bundles') }, h('table', {},
        h('thead', {}, h('tr', {}, ['system.bundle', 'system.created', 'system.text', 'system.pictures', ''].map((key) => h('th', { scope: 'col' }, key && t(key))))),
        h('tbody', {}, [...all].reverse().map((bundle) => row(bundle, bundle === current))))) : empty(t('system.noBundles'), t('system.noBundlesText')));
    } catch (error) {
      if (error.code === 'permission_denied') bundles.remove();
      else bundles.replaceChildren(h('h2', {}, t('system.bundles')), failed(error));
    }
  }

  function row(bundle, isCurrent) {
    const { embedding, gan } = bundle;
    const button = h('button', { type: 'button', onclick: () => busy(button, async () => { if (await promote(bundle.version)) await showBundles(); }) }, t('system.promote'));
    return h('tr', {}, h('th', { scope: 'row', class: 'mono' }, bundle.version), h('td', {}, when(bundle.createdAt)),
      h('td', {}, embedding ? `${embedding.vector || ''} ${embedding.mode || ''} ${embedding.dimension || 0}` : '–'),
      h('td', {}, gan ? `${gan.preset || ''} ${gan.resolution || 0} px · ${t('system.categories')} ${(gan.categories || []).length}` : '–'),
      h('td', {}, isCurrent ? h('span', { class: 'chip good' }, t('system.current')) : button));
  }

  async function offerSignOut() {
    const { signedIn, name, role } = await session();
    if (!signedIn) return;
    root.append(h('div', { class: 'links' }, name ? h('span', {}, `${name} · ${t(`role.${role}`)}`) : null, h('button', { type: 'button', onclick: async () => { await signOut(); dispatchEvent(new Event('console-sign-in')); } }, t('session.signOut'))));
  }
}
