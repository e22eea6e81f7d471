// System: whether the services answer, what the store holds, which bundle is current.
import { h, busy, empty, number, bytes, bar, when, toast } from './dom.js';
import { call, listBundles } from './api.js';
import { t } from './i18n.js';

const TONES = { serving: 'good', not_serving: 'warn', unreachable: 'bad' };

export function render(root, signal) {
  const health = h('div', { class: 'card' });
  const statistics = h('div', { class: 'card' });
  const bundles = h('div', { class: 'card' });
  root.append(h('div', { class: 'columns even' }, health, statistics), bundles);
  showHealth();
  showStatistics();
  showBundles();
  const timer = setInterval(() => { if (!document.hidden) { showHealth(); showStatistics(); } }, 5000);
  signal.addEventListener('abort', () => clearInterval(timer));

  async function showHealth() {
    const services = await fetch('/health/services').then((response) => response.json()).then((body) => body.services).catch(() => []);
    health.replaceChildren(h('h2', {}, t('system.health')), h('ul', { class: 'plain' }, services.map(({ name, state, message }) =>
      h('li', { title: message }, h('span', { class: `chip ${TONES[state]}` }, t(`health.${state}`)), h('strong', {}, name), message ? h('small', { class: 'quiet' }, message) : null))));
  }

  async function showStatistics() {
    try {
      const s = await call('ProductStore/GetStatistics');
      const total = Number(s.products || 0);
      const rows = [['system.products', number(s.products)], ['system.images', number(s.images)], ['system.imageBytes', bytes(s.imageBytes)], ['system.embeddings', number(s.embeddings)],
        ['system.placeholders', number(s.placeholders)], ['system.verdicts', number(s.verdicts)], ['system.disk', bytes(s.diskBytes)]];
      statistics.replaceChildren(h('h2', {}, t('system.statistics')), h('dl', { class: 'facts' }, rows.map(([name, value]) => h('div', {}, h('dt', {}, t(name)), h('dd', {}, value)))),
        h('div', { class: 'stack' }, (s.imageStates || []).map((each) => bar(t(each.state || 'IMAGE_STATE_UNSPECIFIED'), total ? Number(each.products || 0) / total : 0))));
    } catch (error) {
      statistics.replaceChildren(h('h2', {}, t('system.statistics')), h('p', { class: 'problem' }, error.message));
    }
  }

  async function showBundles() {
    try {
      const { all, current } = await listBundles(true);
      bundles.replaceChildren(h('h2', {}, t('system.bundles')), all.length ? h('div', { class: 'scroll' }, h('table', {},
        h('thead', {}, h('tr', {}, ['system.bundle', 'system.created', 'system.text', 'system.pictures', ''].map((key) => h('th', { scope: 'col' }, key && t(key))))),
        h('tbody', {}, [...all].reverse().map((bundle) => row(bundle, bundle === current))))) : empty(t('system.noBundles'), t('system.noBundlesText')));
    } catch (error) {
      bundles.replaceChildren(h('h2', {}, t('system.bundles')), h('p', { class: 'problem' }, error.message));
    }
  }

  function row(bundle, isCurrent) {
    const { embedding, gan } = bundle;
    const promote = h('button', { type: 'button', onclick: () => busy(promote, async () => {
      await call('GanTrainer/PromoteBundle', { version: bundle.version });
      toast(t('system.promoted'));
      await showBundles();
    }) }, t('system.promote'));
    return h('tr', {}, h('th', { scope: 'row', class: 'mono' }, bundle.version), h('td', {}, when(bundle.createdAt)),
      h('td', {}, embedding ? `${embedding.vector || ''} ${embedding.mode || ''} ${embedding.dimension || 0}` : '–'),
      h('td', {}, gan ? `${gan.preset || ''} ${gan.resolution || 0} px · ${t('system.categories')} ${(gan.categories || []).length}` : '–'),
      h('td', {}, isCurrent ? h('span', { class: 'chip good' }, t('system.current')) : promote));
  }
}
