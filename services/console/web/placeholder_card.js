// One placeholder and what may be done with it in its state.
import { h, field, select, percent, picture, toast, busy } from './dom.js';
import { call, placeholderUrl, reviewer } from './api.js';
import { ask } from './dialog.js';
import { productFields, productOf } from './product_form.js';
import { placeholderHistory } from './placeholder_history.js';
import { t } from './i18n.js';

const MAX_REASON = '1000';  // bytes are bounded at 1,024

export const PROPOSED = 'PLACEHOLDER_STATE_PROPOSED';
const APPROVED = 'PLACEHOLDER_STATE_APPROVED';
const REJECTED = 'PLACEHOLDER_STATE_REJECTED';

function reasonFields() {
  const usual = ['', 'wrongColor', 'wrongKind', 'blurred', 'notReal'].map((key) => [key && t(`placeholders.${key}`), key ? t(`placeholders.${key}`) : t('placeholders.ownWords')]);
  return [field(t('placeholders.usual'), select('usual', usual, '')), field(t('placeholders.reason'), h('input', { name: 'reason', maxlength: MAX_REASON, autocomplete: 'off' }))];
}

const reasonOf = ({ usual, reason }) => [usual, reason].filter(Boolean).join('. ');

// `listing`: the product, for its title and as what a redraw begins with. `changed` is told the
// placeholder as it is now.
export function placeholderCard(item, listing, changed) {
  const { productId, state } = item;
  const title = listing.title || productId;
  const change = async (method, request) => {
    const { placeholder } = await call(`ImageGenerator/${method}`, { productId, reviewer: reviewer(), ...request });
    changed(placeholder);
    return placeholder;
  };
  const actions = {
    approve: { tone: 'good', states: [PROPOSED], run: () => change('ReviewPlaceholder', { approve: true, imageSha256: item.imageSha256 }) },
    reject: { tone: 'bad', states: [PROPOSED], run: async () => {
      const answer = await ask(`${t('reject')}: ${title}`, reasonFields(), { run: t('reject'), tone: 'bad' });
      return answer && change('ReviewPlaceholder', { approve: false, imageSha256: item.imageSha256, rejectionReason: reasonOf(answer) });
    } },
    redraw: { tone: '', states: [PROPOSED, REJECTED], run: async () => {
      const answer = await ask(`${t('redraw')}: ${title}`, [h('p', { class: 'quiet' }, t('placeholders.redrawText')), productFields(listing, { required: false }),
        field(t('field.seed'), h('input', { name: 'seed', inputmode: 'numeric', pattern: '[0-9]{1,20}', autocomplete: 'off', placeholder: t('placeholders.anotherSeed') })),
        field(t('placeholders.reason'), h('input', { name: 'reason', maxlength: MAX_REASON, autocomplete: 'off' }))], { run: t('redraw') });
      return answer && change('RedrawPlaceholder', { seed: answer.seed || '0', words: differing(productOf(answer), listing), reason: answer.reason });
    } },
    withdraw: { tone: 'bad', states: [APPROVED], run: async () => {
      const answer = await ask(`${t('withdraw')}: ${title}`, reasonFields(), { run: t('withdraw'), tone: 'bad' });
      return answer && change('WithdrawPlaceholder', { reason: reasonOf(answer) });
    } },
  };
  const run = async (name) => {
    const action = actions[name];
    if (!action.states.includes(state) || card.classList.contains('leaving')) return;
    card.classList.add('leaving');
    try { await action.run(); } catch (error) { toast(error.message, 'bad'); }
    card.classList.remove('leaving');
  };
  const buttons = Object.entries(actions).filter(([, { states }]) => states.includes(state)).map(([name, { tone }]) => {
    const button = h('button', { type: 'button', class: tone, onclick: () => busy(button, () => run(name)) }, t(name));
    return button;
  });
  const events = item.events || [];
  const card = h('article', { tabIndex: 0, class: 'tile', 'aria-label': title },
    picture(`${placeholderUrl(productId)}?${item.imageSha256}`, title),
    h('div', { class: 'words' }, h('a', { class: 'title', href: `#catalogue/${encodeURIComponent(productId)}` }, title),
      h('span', { class: 'quiet' }, (item.categoryPath || listing.categoryPath || []).join(' › ')),
      h('span', {}, h('strong', {}, percent(item.confidence || 0)), h('span', { class: 'quiet' }, ` ${t('generate.confident')} · ${t(state)}`)),
      item.words ? h('span', { class: 'quiet' }, `${t('placeholders.words')} “${item.words}”`) : null,
      item.rejectionReason ? h('span', { class: 'quiet' }, `“${item.rejectionReason}”`) : null),
    buttons.length ? h('div', { class: 'actions' }, buttons) : null,
    events.length ? h('details', {}, h('summary', {}, `${t('history')} (${events.length})`), placeholderHistory(events)) : null);
  card.run = run;
  return card;
}

// What is the product's own is left out: empty stays the product's.
function differing(words, listing) {
  const color = (product) => (product.attributes || []).find(({ name }) => name === 'color')?.value;
  return {
    ...(words.title !== listing.title && { title: words.title }),
    ...(words.categoryPath.join('>') !== (listing.categoryPath || []).join('>') && { categoryPath: words.categoryPath }),
    ...(words.brand !== (listing.brand || '') && { brand: words.brand }),
    ...(color(words) !== color(listing) && { attributes: words.attributes || [] }),
  };
}
