// A training's curves: losses with how healthy it was, images a second with the wait for data.
//
//   const curves = trainingCurves();
//   curves.add(points);  // TrainingPoint, in the order of their steps
import { h } from './dom.js';
import { newPlot } from './chart.js';
import { t } from './i18n.js';

const TONES = { TRAINING_HEALTH_HEALTHY: 'good', TRAINING_HEALTH_STALLED: 'warn', TRAINING_HEALTH_DIVERGING: 'bad', TRAINING_HEALTH_COLLAPSED: 'bad' };

export const healthChip = (health) => h('span', { class: `chip ${TONES[health] || ''}` }, t(health));

export function trainingCurves() {
  let last = -1;
  let plots;
  const plot = (label) => h('canvas', { role: 'img', 'aria-label': label });
  const losses = plot(t('training.losses'));
  const speed = plot(t('training.speed'));
  const health = h('div', { class: 'health', role: 'img', 'aria-label': t('training.healthOverSteps') });
  const element = h('div', { class: 'curves', hidden: true },
    h('div', {}, h('h3', {}, t('training.losses')), h('div', { class: 'plot' }, losses), health), h('div', {}, h('h3', {}, t('training.speed')), h('div', { class: 'plot' }, speed)));

  async function add(points) {
    const fresh = points.filter((point) => Number(point.step || 0) > last);
    if (!fresh.length) return;
    element.hidden = false;
    for (const point of fresh) mark(point, Number(point.step) - Math.max(0, last));
    last = Number(fresh.at(-1).step);
    plots ||= Promise.all([newPlot(losses, [t('training.lossG'), t('training.lossD')]), newPlot(speed, [t('training.rateImages'), t('training.waitPercent')], { twoScales: true })]);
    const [lossPlot, speedPlot] = await plots;
    lossPlot.add(fresh.map((point) => [Number(point.step), point.lossGenerator, point.lossDiscriminator]));
    speedPlot.add(fresh.map((point) => [Number(point.step), point.imagesPerSecond, (point.dataWait || 0) * 100]));
  }

  // A strip below the losses, each verdict as long as it held.
  function mark({ step, health: verdict, healthReason }, steps) {
    const name = verdict || 'TRAINING_HEALTH_UNSPECIFIED';
    let part = health.lastElementChild;
    if (part?.dataset.health !== name) {
      part = h('span', { class: TONES[name] || '', title: [t(name), healthReason].filter(Boolean).join(': ') });
      part.dataset.health = name;
      part.dataset.steps = '0';
      health.append(part);
    }
    part.dataset.steps = String(Number(part.dataset.steps) + Math.max(1, steps));
    part.style.flexGrow = part.dataset.steps;
    health.setAttribute('aria-label', `${t('training.healthOverSteps')}: ${[...health.children].map((each) => t(each.dataset.health)).join(', ')} (${t('training.step')} ${step})`);
  }

  return { element, add, destroy: () => plots?.then((drawn) => drawn.forEach((each) => each.destroy())) };
}
