// One training, live while it runs: progress, curves, samples, and what may be done with it.
import { h, busy, number, percent, duration, when, toast, bytes } from './dom.js';
import { call, isEnded } from './api.js';
import { stream } from './stream.js';
import { promote } from './promote.js';
import { trainingCurves, healthChip } from './training_curves.js';
import { trainingSamples } from './training_samples.js';
import { t } from './i18n.js';

const TONES = { JOB_STATE_SUCCEEDED: 'good', JOB_STATE_FAILED: 'bad', JOB_STATE_RUNNING: 'warn' };
const RETRY_MS = 2000;

// `changed`: the list is to be read anew.
export function trainingJob(job, open, signal, changed) {
  const chip = h('span', { class: 'chip' });
  const meter = h('progress', { max: 1, value: 0, 'aria-label': t('training.progress') });
  const judge = h('progress', { max: 1, value: 0, 'aria-label': t('phase.judge') });
  const judgeLine = h('div', { class: 'judge', hidden: true }, h('span', {}, t('phase.judge')), judge);
  const facts = h('dl', { class: 'facts' });
  const health = h('p', { class: 'verdictline' });
  const quality = h('dl', { class: 'facts' });
  const curves = trainingCurves();
  const samples = trainingSamples(job.id);
  const act = (method, word, tone) => {
    const button = h('button', { type: 'button', class: tone, onclick: () => busy(button, async () => { await call(`GanTrainer/${method}`, { jobId: job.id }); changed(); }) }, t(word));
    return button;
  };
  const cancel = act('CancelTraining', 'cancel', 'bad');
  const resume = act('ResumeTraining', 'training.resume', '');
  let version;
  const promoteButton = h('button', { type: 'button', class: 'primary', onclick: () => busy(promoteButton, async () => { if (await promote(version)) changed(); }) }, t('system.promote'));
  const error = h('p', { class: 'problem' });
  const notPromoted = h('pre', { class: 'scroll', tabIndex: 0, hidden: true });
  const details = h('details', { class: 'card job', open },
    h('summary', {}, h('span', { class: 'mono' }, job.id), chip, h('span', { class: 'quiet' }, when(job.createdAt)), meter),
    h('div', { class: 'stack' }, facts, judgeLine, health, error, notPromoted, curves.element, samples.element, quality, h('div', { class: 'actions' }, promoteButton, cancel, resume)));
  let begun = false;
  const begin = () => { if (details.open && !begun) { begun = true; watch(); } };
  details.addEventListener('toggle', begin);
  signal.addEventListener('abort', curves.destroy);
  update(job);
  begin();
  return details;

  // A stream that breaks off is begun again: the console may have been restarted.
  async function watch() {
    let sampled;
    while (!signal.aborted) {
      try {
        const { points = [] } = await call('GanTrainer/GetTrainingCurve', { jobId: job.id }).catch((problem) => { if (problem.code === 'not_found') return {}; throw problem; });
        await curves.add(points);
        await samples.load();
        for await (const { job: now, samplePng } of stream('GanTrainer/WatchTraining', { jobId: job.id }, signal)) {
          update(now);
          const progress = now.progress || {};
          if (samplePng && samplePng !== sampled) samples.add(stepOf(progress), samplePng);
          sampled = samplePng || sampled;
          if (progress.point) curves.add([progress.point]);
        }
        return;
      } catch (problem) {
        if (problem.code !== 'unavailable') { toast(problem.message, 'bad'); return; }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  function update(now) {
    const p = now.progress || {};
    const ended = isEnded(now);
    chip.textContent = t(now.state);
    chip.className = `chip ${TONES[now.state] || ''}`;
    meter.value = now.done || 0;
    judgeLine.hidden = !Number(p.judgeSteps) || (ended && !Number(p.judgeStep));
    judge.value = Number(p.judgeStep || 0) / (Number(p.judgeSteps) || 1);
    error.textContent = now.error || '';
    notPromoted.hidden = !p.notPromotedReason;
    notPromoted.textContent = p.notPromotedReason || '';
    version = p.bundleVersion;
    promoteButton.hidden = !version;
    cancel.hidden = ended;
    cancel.disabled = Boolean(now.cancelRequested);
    resume.hidden = !ended || now.state === 'JOB_STATE_SUCCEEDED';
    health.replaceChildren(...(p.health ? [h('span', {}, t('training.health')), healthChip(p.health), h('span', { class: 'quiet' }, p.healthReason || '')] : []));
    fill(facts, [
      ['training.phase', p.phase && t(`phase.${p.phase}`)], ['training.step', p.steps && `${number(p.step)} / ${number(p.steps)}`],
      ['training.rate', p.imagesPerSecond && `${p.imagesPerSecond.toFixed(1)}/s`], ['training.wait', p.dataWait !== undefined && p.steps && percent(p.dataWait)],
      ['training.left', !ended && p.secondsLeft && duration(p.secondsLeft)], ['training.elapsed', p.seconds && duration(p.seconds)],
      ['training.lossG', p.lossGenerator?.toFixed?.(3)], ['training.lossD', p.lossDiscriminator?.toFixed?.(3)], ['training.products', p.products && number(p.products)],
      ['training.memory', Number(p.peakMemoryBytes) && bytes(p.peakMemoryBytes)], ['training.rollbacks', p.rollbacks], ['training.restarts', p.restarts], ['system.bundle', p.bundleVersion]]);
    const q = p.quality || {};
    fill(quality, p.quality ? [['quality.frechet', q.frechetDistance?.toFixed(1)], ['quality.precision', percent(q.precision || 0)], ['quality.recall', percent(q.recall || 0)], ['quality.category', percent(q.categoryAgreement || 0)],
      ['quality.color', percent(q.colorAgreement || 0)], ['quality.diversity', q.diversity?.toFixed(2)], ['quality.memorized', percent(q.memorized || 0)], ['quality.auc', q.matchAuc?.toFixed(3)]] : []);
  }
}

// The step that a sample was drawn at, which its file's name tells.
const stepOf = ({ samplePath = '', step = 0 }) => Number(/(\d+)\.png$/.exec(samplePath)?.[1] ?? step);

function fill(list, rows) {
  list.replaceChildren(...rows.filter(([, value]) => value).map(([name, value]) => h('div', {}, h('dt', {}, t(name)), h('dd', {}, value))));
}
