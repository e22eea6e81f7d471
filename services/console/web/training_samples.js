// Grids of samples as they come, from the same noise and texts each time, with a slider
// back over those that came while the page was open.
import { h } from './dom.js';
import { t } from './i18n.js';

export function trainingSamples() {
  const samples = [];
  const image = h('img', { alt: t('training.samples') });
  const caption = h('figcaption', { class: 'quiet' });
  const slider = h('input', { type: 'range', min: '0', max: '0', value: '0', 'aria-label': t('training.sampleSlider'), oninput: () => show(Number(slider.value)) });
  const element = h('figure', { class: 'samples', hidden: true }, h('h3', {}, t('training.samples')), image, slider, caption);

  function show(index) {
    const { step, png } = samples[index];
    image.src = `data:image/png;base64,${png}`;
    caption.textContent = `${t('training.step')} ${step} · ${index + 1} / ${samples.length}`;
    slider.setAttribute('aria-valuetext', caption.textContent);
  }

  function add(step, png) {
    const atEnd = Number(slider.value) === samples.length - 1 || !samples.length;
    samples.push({ step, png });
    element.hidden = false;
    slider.hidden = samples.length < 2;
    slider.max = String(samples.length - 1);
    if (atEnd) { slider.value = slider.max; show(samples.length - 1); }
  }

  return { element, add };
}
