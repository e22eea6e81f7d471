// The grids of samples of a training, from the same noise and texts each time, with a slider
// over all that were drawn.
import { h, toast } from './dom.js';
import { call } from './api.js';
import { t } from './i18n.js';

export function trainingSamples(jobId) {
  const pictures = new Map();  // by step, base64; loaded when they are looked at
  let steps = [];
  const image = h('img', { alt: t('training.samples') });
  const caption = h('figcaption', { class: 'quiet' });
  const slider = h('input', { type: 'range', min: '0', max: '0', value: '0', 'aria-label': t('training.sampleSlider'), oninput: () => show(Number(slider.value)) });
  const element = h('figure', { class: 'samples', hidden: true }, h('h3', {}, t('training.samples')), image, slider, caption);

  async function show(index) {
    const step = steps[index];
    caption.textContent = `${t('training.step')} ${step} · ${index + 1} / ${steps.length}`;
    slider.setAttribute('aria-valuetext', caption.textContent);
    try {
      if (!pictures.has(step)) pictures.set(step, (await call('GanTrainer/GetTrainingSample', { jobId, step: String(step) })).png);
    } catch (problem) { toast(problem.message, 'bad'); return; }
    // The slider may have moved on meanwhile.
    if (steps[Number(slider.value)] === step) image.src = `data:image/png;base64,${pictures.get(step)}`;
  }

  function add(step, png, all = [...steps, step]) {
    const atEnd = Number(slider.value) >= steps.length - 1;
    pictures.set(step, png);
    steps = [...new Set(all)].sort((a, b) => a - b);
    element.hidden = false;
    slider.hidden = steps.length < 2;
    slider.max = String(steps.length - 1);
    if (atEnd) slider.value = slider.max;
    show(Number(slider.value));
  }

  // What was drawn before the page was opened.
  async function load() {
    const newest = await call('GanTrainer/GetTrainingSample', { jobId }).catch((problem) => { if (problem.code === 'not_found') return {}; throw problem; });
    if (newest.png) add(Number(newest.step), newest.png, newest.steps.map(Number));
  }

  return { element, add, load };
}
