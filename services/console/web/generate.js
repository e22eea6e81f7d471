// Generate: eight pictures drawn from a listing's text. The noise stays until another is asked
// for, so that a changed word shows what that word does.
import { h, field, busy, empty, percent } from './dom.js';
import { call, dataUrl } from './api.js';
import { productFields, productOf, valuesOf } from './product_form.js';
import { variationSheet } from './variation_sheet.js';
import { t } from './i18n.js';

const COUNT = 8;
const newSeed = () => String(crypto.getRandomValues(new Uint32Array(1))[0]);

export const needs = 'ImageGenerator/GenerateImages';

export function render(root) {
  let before;
  const seed = h('input', { name: 'seed', inputmode: 'numeric', pattern: '[0-9]{1,20}', required: true, autocomplete: 'off', value: newSeed() });
  const other = h('button', { type: 'button', onclick: () => { seed.value = newSeed(); } }, t('generate.otherNoise'));
  const button = h('button', { class: 'primary', type: 'submit' }, t('generate.run'));
  const unsure = h('input', { type: 'checkbox', name: 'unsure' });
  const form = h('form', { class: 'card stack', onsubmit: run }, productFields(),
    h('div', { class: 'inline' }, field(t('field.seed'), seed, t('hint.seed')), other),
    h('label', { class: 'check' }, unsure, t('generate.unsure')), button);
  const result = h('div', { class: 'card result', 'aria-live': 'polite' }, empty(t('generate.empty'), t('generate.emptyText')));
  root.append(h('div', { class: 'columns' }, form, h('div', { class: 'stack' }, result, variationSheet(form))));

  function run(event) {
    event.preventDefault();
    busy(button, async () => {
      result.replaceChildren(h('div', { class: 'gallery', 'aria-busy': 'true' }, Array.from({ length: COUNT }, () => h('div', { class: 'picture waiting' }))));
      try {
        const product = productOf(valuesOf(form));
        const answer = await call('ImageGenerator/GenerateImages', { product, count: COUNT, seed: seed.value, includeUnconfident: unsure.checked });
        const now = { words: wordsOf(product), seed: seed.value, ...answer };
        show(now, before?.seed === now.seed && before.words !== now.words ? before : undefined);
        before = now;
      } catch (error) {
        result.replaceChildren(empty(t('generate.failed'), error.message));
      }
    });
  }

  function show({ images = [], noImageReason, bundleVersion, words }, earlier) {
    if (!images.length) { result.replaceChildren(empty(t('generate.none'), noImageReason || '')); return; }
    const ofSeed = new Map((earlier?.images || []).map((image) => [image.seed, image]));
    result.replaceChildren(
      h('h2', {}, words),
      h('div', { class: 'gallery' }, images.map(drawn)),
      // Under each picture what the same noise gave for the words before.
      ...(earlier ? [h('h2', {}, `${t('generate.before')} ${earlier.words}`), h('p', { class: 'quiet' }, t('generate.sameNoise')),
        h('div', { class: 'gallery before' }, images.map(({ seed: own }) => (ofSeed.has(own) ? drawn(ofSeed.get(own)) : h('div', { class: 'picture none', title: t('generate.none') }))))] : []),
      h('p', { class: 'quiet' }, `${t('generate.marked')} ${bundleVersion || ''}`));
    result.scrollIntoView({ block: 'nearest' });
  }
}

const wordsOf = ({ title, categoryPath, brand, attributes = [] }) => [title, categoryPath.at(-1), brand, ...attributes.map(({ value }) => value)].filter(Boolean).join(' · ');

// A drawn picture that can be saved.
export function drawn({ image, confidence = 0, seed = '0' }) {
  return h('figure', { class: 'drawn' },
    h('a', { class: 'picture shown', href: dataUrl(image), download: `mannequin-${seed}.${image.mediaType.split('/')[1]}`, title: t('generate.save') },
      h('img', { src: dataUrl(image), alt: `${t('generate.alt')}, ${t('generate.confident')} ${percent(confidence)}, ${t('field.seed')} ${seed}` })),
    h('figcaption', {}, h('strong', {}, percent(confidence)), h('span', { class: 'quiet' }, t('generate.confident')), h('small', { class: 'mono seed' }, seed)));
}
