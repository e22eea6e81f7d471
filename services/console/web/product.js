// One product: its picture, what is known of it, and all that happened to it.
import { h, empty, failed, picture, bytes, when } from './dom.js';
import { call, imageUrl } from './api.js';
import { imageChip } from './catalogue.js';
import { placeholderCard } from './placeholder_card.js';
import { placeholderHistory } from './placeholder_history.js';
import { verdictView } from './verdict_view.js';
import { decisionButtons } from './decision.js';
import { t } from './i18n.js';

const REVIEW_PAGES = 5;  // of 1,000: reviews are listed, not looked up

// NOT_FOUND is an answer here, and so is what the reader's role is not for.
const maybe = (promise) => promise.catch((error) => { if (['not_found', 'permission_denied'].includes(error.code)) return {}; throw error; });

export async function renderProduct(root, signal, id) {
  const back = h('p', {}, h('a', { href: '#catalogue' }, `← ${t('tab.catalogue')}`));
  root.append(back);
  try {
    const [{ product: stored }, { placeholder }, { verdict }] = await Promise.all([
      call('ProductStore/GetProduct', { id }), maybe(call('ProductStore/GetPlaceholder', { productId: id })), maybe(call('ProductStore/GetVerdict', { productId: id }))]);
    const review = verdict?.reviewDecision && await reviewOf(id);
    const judged = verdict && await verdictView(verdict, imageUrl(id));
    if (signal.aborted) return;
    const again = () => { root.replaceChildren(root.firstElementChild); renderProduct(root, signal, id); };
    root.append(h('div', { class: 'columns' }, facts(stored), h('div', { class: 'stack' },
      h('div', { class: 'card' }, h('h2', {}, t('history')), history(stored, verdict, review)),
      placeholder ? h('div', { class: 'card' }, h('h2', {}, t('tab.placeholders')), h('div', { class: 'one' }, placeholderCard({ ...placeholder, events: [] }, stored.product, again)), placeholderHistory(placeholder.events || [])) : null,
      judged ? h('div', { class: 'card stack' }, h('h2', {}, t('product.verdict')), judged,
        verdict.reviewDecision ? null : h('div', { class: 'actions' }, decisionButtons(verdict, undefined, again))) : null)));
  } catch (error) {
    root.append(error.code === 'not_found' ? empty(t('product.unknown'), error.message) : failed(error));
  }
}

async function reviewOf(id) {
  let pageToken = '';
  for (let page = 0; page < REVIEW_PAGES; page++) {
    const { reviews = [], nextPageToken } = await call('ProductStore/ListReviews', { pageSize: 1000, pageToken });
    const found = reviews.find(({ productId }) => productId === id);
    if (found || !nextPageToken) return found;
    pageToken = nextPageToken;
  }
  return undefined;
}

function facts({ product, image = {} }) {
  const rows = [['field.id', product.id], ['field.category', (product.categoryPath || []).join(' › ')], ['field.brand', product.brand],
    ...(product.attributes || []).map(({ name, value, derived }) => [name, `${value}${derived ? ` (${t('product.derived')})` : ''}`]),
    ['product.size', image.sizeBytes && `${bytes(image.sizeBytes)} · ${image.mediaType || ''}`], ['product.address', product.imageUrl]];
  return h('div', { class: 'card stack' }, picture(imageUrl(product.id), product.title || product.id, image.state !== 'IMAGE_STATE_STORED' && t('generated')),
    h('h2', {}, product.title || product.id), h('div', {}, imageChip(image)),
    h('dl', { class: 'facts list' }, rows.filter(([, value]) => value).map(([name, value]) => h('div', {}, h('dt', {}, t(name)), h('dd', {}, value)))),
    product.description ? h('p', { class: 'quiet' }, product.description) : null,
    h('a', { href: `#similar/${encodeURIComponent(product.id)}` }, t('product.similar')));
}

// Oldest first; a placeholder's own steps stand beside its picture.
function history({ createdAt, updatedAt, image = {} }, verdict, review) {
  const failed = image.failureMessage || (image.failure && t(image.failure));
  const steps = [
    [createdAt, t('product.created')],
    [image.fetchedAt, t('product.fetched'), [image.width && `${image.width}×${image.height}`, image.attempts && `${t('product.attempts')} ${image.attempts}`].filter(Boolean).join(' · ')],
    [failed && updatedAt, t('IMAGE_STATE_FAILED'), failed],
    [verdict?.scoredAt, `${t('product.judged')} ${t(verdict?.kind)}`, verdict?.bundleVersion],
    [verdict?.reviewDecision && (review?.reviewedAt || verdict.scoredAt), `${t('product.reviewed')} ${t(verdict?.reviewDecision)}`,
      [review?.reviewer, ...(review?.reasons || []).map(t), review?.note && `“${review.note}”`].filter(Boolean).join(' · ')],
  ].filter(([at]) => at).sort(([a], [b]) => Date.parse(a) - Date.parse(b));
  return h('ol', { class: 'history' }, steps.map(([at, what, more]) => h('li', {}, h('strong', {}, what), h('span', { class: 'quiet' }, [when(at), more].filter(Boolean).join(' · ')))));
}
