// Check: does this image belong to this listing?
import { h, field, select, busy, empty, failed } from './dom.js';
import { call, toBase64 } from './api.js';
import { productFields, productOf, valuesOf } from './product_form.js';
import { verdictView } from './verdict_view.js';
import { decisionButtons } from './decision.js';
import { t } from './i18n.js';

const MAX_BYTES = 16 * 1024 * 1024;
const EVIDENCE = 4;  // products of each kind

export const needs = 'AbuseScorer/ScoreListing';

export function render(root, signal) {
  let file;
  let shown;
  const preview = h('div', { class: 'preview' });
  const input = h('input', { type: 'file', accept: 'image/jpeg,image/png,image/webp,image/gif', class: 'visually-hidden', id: 'image', onchange: () => take(input.files[0]) });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const drop = h('label', { class: 'drop', for: 'image' }, preview, h('span', { class: 'dropword' }, h('strong', {}, t('check.drop')), h('small', {}, t('check.limits'))));
  const button = h('button', { class: 'primary', type: 'submit' }, t('check.run'));
  const policy = select('policy', [['', t('check.noPolicy')]], '');
  call('AbuseScorer/ListPolicies', {}).then(({ policies = [] }) => policy.append(...policies.map(({ name, title }) => h('option', { value: name }, title))), () => {});
  const id = h('input', { name: 'id', maxlength: '128', autocomplete: 'off', placeholder: t('example.brand') });
  const form = h('form', { class: 'card stack', onsubmit: run }, input, drop, problem, productFields(),
    h('div', { class: 'pair' }, field(t('check.policy'), policy), field(t('field.id'), id)), button);
  const result = h('div', { class: 'card result', 'aria-live': 'polite' }, empty(t('check.empty'), t('check.emptyText')));
  root.append(h('div', { class: 'columns' }, form, result));
  signal.addEventListener('abort', () => URL.revokeObjectURL(shown));

  for (const name of ['dragover', 'dragenter']) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add('over'); });
  for (const name of ['dragleave', 'drop']) drop.addEventListener(name, () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => { event.preventDefault(); take(event.dataTransfer.files[0]); });
  document.addEventListener('paste', (event) => take([...event.clipboardData.files][0]), { signal });

  function take(chosen) {
    if (!chosen) return;
    problem.textContent = '';
    if (!chosen.type.startsWith('image/')) { problem.textContent = t('check.notImage'); return; }
    if (chosen.size > MAX_BYTES) { problem.textContent = t('check.tooBig'); return; }
    file = chosen;
    URL.revokeObjectURL(shown);
    shown = URL.createObjectURL(chosen);
    preview.replaceChildren(h('img', { alt: chosen.name, src: shown }));
    drop.classList.add('filled');
  }

  function run(event) {
    event.preventDefault();
    if (!file) { problem.textContent = t('check.needImage'); input.focus(); return; }
    busy(button, async () => {
      const source = shown;
      const request = { product: { ...productOf(valuesOf(form)), id: id.value.trim() }, image: await toBase64(file), evidence: EVIDENCE, policy: policy.value };
      try {
        const { verdict = {} } = await call('AbuseScorer/ScoreListing', request);
        result.replaceChildren(...await verdictView(verdict, source), wordOf(verdict, request));
      } catch (error) {
        result.replaceChildren(failed(error));
      }
      result.scrollIntoView({ block: 'nearest' });
    });
  }

  // A decision is about a kept verdict: one without a product's id is kept by its picture's.
  function wordOf(verdict, request) {
    const keep = async () => {
      const product = { ...request.product, id: request.product.id || `console-${verdict.imageSha256.slice(0, 16)}` };
      return (await call('AbuseScorer/ScoreListing', { ...request, product, keep: true })).verdict;
    };
    const actions = h('div', { class: 'actions' }, decisionButtons(verdict, keep, (decision) => actions.replaceWith(h('p', { class: 'quiet' }, `${t('decision.decided')} ${t(decision)}`))));
    return h('div', { class: 'stack' }, h('h3', {}, t('decision.title')), actions);
  }
}
