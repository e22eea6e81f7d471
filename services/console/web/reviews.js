// Review: kept verdicts that wait for a person, by mouse or by C, A and the arrow keys.
import { h, field, select, busy, empty, toast, failed } from './dom.js';
import { call, imageUrl } from './api.js';
import { pictureWithBoxes, reasonLine, verdictChip } from './verdict_view.js';
import { decide, reviewerField } from './decision.js';
import { cardKeys } from './card_keys.js';
import { t } from './i18n.js';

const KINDS = ['REVIEW', 'ABUSE', 'NOT_SCORED', 'CLEAN'].map((name) => `VERDICT_KIND_${name}`);
const REASONS_SHOWN = 3;

export const needs = 'AbuseScorer/SubmitReview';

export function render(root, signal) {
  let token = '';
  const grid = h('div', { class: 'gallery review wide' });
  const more = h('button', { type: 'button', hidden: true, onclick: () => busy(more, load) }, t('more'));
  const kind = select('kind', KINDS.map((key) => [key, t(key)]), KINDS[0]);
  kind.addEventListener('change', reload);
  const score = h('button', { type: 'button', onclick: () => busy(score, async () => {
    await call('AbuseScorer/ScoreCatalog', {});
    toast(t('reviews.scoring'));
  }) }, t('reviews.score'));
  root.append(h('div', { class: 'card toolbar fields' }, field(t('reviews.kind'), kind), reviewerField(), score),
    h('div', { class: 'toolbar' }, h('span', { class: 'keys' }, h('kbd', {}, 'C'), ` ${t('decision.clean')} `, h('kbd', {}, 'A'), ` ${t('decision.abuse')} `, h('kbd', {}, '← →'))), grid, more);
  cardKeys(grid, { c: (card) => card.decide('VERDICT_KIND_CLEAN'), a: (card) => card.decide('VERDICT_KIND_ABUSE') }, signal);
  reload();

  async function reload() {
    token = '';
    grid.replaceChildren();
    try { await load(); } catch (error) { grid.replaceChildren(failed(error)); }
  }

  async function load() {
    const page = await call('ProductStore/ListVerdicts', { kind: kind.value, unreviewed: true, pageSize: 24, pageToken: token });
    const verdicts = page.verdicts || [];
    const stored = await picturesOf(verdicts.map(({ productId }) => productId));
    if (signal.aborted) return;
    if (!verdicts.length && !token) grid.append(empty(t('reviews.empty'), t('reviews.emptyText')));
    grid.append(...verdicts.map((verdict) => card(verdict, stored.get(verdict.productId))));
    token = page.nextPageToken || '';
    more.hidden = !token;
  }

  async function picturesOf(ids) {
    if (!ids.length) return new Map();
    const { products = [] } = await call('ProductStore/BatchGetProducts', { ids });
    return new Map(products.map(({ product, image }) => [product.id, image?.sha256]));
  }

  // `sha256` of the picture that the product has now: nobody decides on another one.
  function card(verdict, sha256) {
    const title = verdict.listing?.title || verdict.productId;
    const same = sha256 === verdict.imageSha256;
    const clean = h('button', { type: 'button', class: 'good', onclick: () => element.decide('VERDICT_KIND_CLEAN') }, t('decision.clean'));
    const abuse = h('button', { type: 'button', class: 'bad', onclick: () => element.decide('VERDICT_KIND_ABUSE') }, t('decision.abuse'));
    const element = h('article', { tabIndex: 0, class: 'tile', 'aria-label': title },
      same ? pictureWithBoxes(imageUrl(verdict.productId), verdict.overlayBoxes || [], title) : h('p', { class: 'notice' }, t(sha256 ? 'reviews.changed' : 'reviews.noPicture')),
      h('div', { class: 'words' }, h('a', { class: 'title', href: `#catalogue/${encodeURIComponent(verdict.productId)}` }, title),
        h('span', { class: 'quiet' }, (verdict.listing?.categoryPath || []).join(' › ')), verdictChip(verdict.kind)),
      h('div', { class: 'reasons' }, (verdict.reasons || []).slice(0, REASONS_SHOWN).map(reasonLine), verdict.notScoredReason ? h('p', { class: 'quiet' }, verdict.notScoredReason) : null),
      h('div', { class: 'actions' }, clean, abuse));
    element.decide = async (decision) => {
      if (element.classList.contains('leaving')) return;
      element.classList.add('leaving');
      const next = element.nextElementSibling || element.previousElementSibling;
      try {
        if (!await decide(verdict, decision)) return element.classList.remove('leaving');
        const focused = element.contains(document.activeElement) || document.activeElement === document.body;
        element.remove();
        if (focused) next?.focus();
        if (!grid.children.length) reload();
      } catch (error) {
        element.classList.remove('leaving');
        toast(error.message, 'bad');
      }
    };
    return element;
  }
}
