// Generate: eight pictures drawn from a listing's text.
import { h, field, busy, empty, percent } from './dom.js';
import { call, productOf, dataUrl } from './api.js';
import { productFields } from './check.js';
import { t } from './i18n.js';

const COUNT = 8;

export function render(root) {
  const seed = h('input', { name: 'seed', inputmode: 'numeric', pattern: '[0-9]{1,18}', autocomplete: 'off', placeholder: t('generate.random') });
  const button = h('button', { class: 'primary', type: 'submit' }, t('generate.run'));
  const form = h('form', { class: 'card stack', onsubmit: run }, productFields(), field(t('field.seed'), seed, t('hint.seed')), button);
  const result = h('div', { class: 'card result', 'aria-live': 'polite' }, empty(t('generate.empty'), t('generate.emptyText')));
  root.append(h('div', { class: 'columns' }, form, result));

  function run(event) {
    event.preventDefault();
    busy(button, async () => {
      result.replaceChildren(h('div', { class: 'gallery', 'aria-busy': 'true' }, Array.from({ length: COUNT }, () => h('div', { class: 'picture waiting' }))));
      try {
        const chosen = seed.value || String(crypto.getRandomValues(new Uint32Array(1))[0]);
        show(await call('ImageGenerator/GenerateImages', { product: productOf(form), count: COUNT, seed: chosen }));
      } catch (error) {
        result.replaceChildren(empty(t('generate.failed'), error.message));
      }
    });
  }

  function show({ images = [], noImageReason, bundleVersion }) {
    if (!images.length) { result.replaceChildren(empty(t('generate.none'), noImageReason || '')); return; }
    result.replaceChildren(
      h('div', { class: 'gallery' }, images.map(({ image, confidence = 0, seed: own = '0' }) => h('figure', {},
        h('a', { class: 'picture', href: dataUrl(image), download: `mannequin-${own}.${image.mediaType.split('/')[1]}`, title: t('generate.save') }, h('img', { src: dataUrl(image), alt: t('generate.alt') })),
        h('figcaption', {}, h('strong', {}, percent(confidence)), h('span', { class: 'quiet' }, t('generate.confident')))))),
      h('p', { class: 'quiet' }, `${t('generate.marked')} ${bundleVersion || ''}`));
    result.scrollIntoView({ block: 'nearest' });
  }
}
