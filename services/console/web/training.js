// Training: jobs with their progress; the open one's losses are drawn as they come.
import { h, field, select, busy, empty, number, percent, duration, when, toast } from './dom.js';
import { call, watchJob, isEnded, listBundles } from './api.js';
import { newLossPlot } from './chart.js';
import { t } from './i18n.js';

const TONES = { JOB_STATE_SUCCEEDED: 'good', JOB_STATE_FAILED: 'bad', JOB_STATE_RUNNING: 'warn' };

export function render(root, signal) {
  const list = h('div', { class: 'stack' });
  const button = h('button', { class: 'primary', type: 'submit' }, t('training.start'));
  const integer = (name, value, min, max) => h('input', { name, type: 'number', min: String(min), max: String(max), value: String(value), required: true });
  const form = h('form', { class: 'stack', onsubmit: start },
    h('div', { class: 'pair' },
      field(t('training.steps'), integer('steps', 10000, 1, 10000000)),
      field(t('training.resolution'), select('resolution', [['64', '64 px'], ['128', '128 px']], '64'))),
    h('div', { class: 'pair' },
      field(t('training.features'), integer('features', 32, 8, 256)),
      field(t('training.batch'), integer('batch', 64, 2, 1024))),
    h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'promote', checked: true }), t('training.promote')),
    button);
  root.append(h('details', { class: 'card' }, h('summary', {}, t('training.new')), form), list);
  load();

  function start(event) {
    event.preventDefault();
    const value = (name) => form.elements[name].value;
    busy(button, async () => {
      await call('GanTrainer/CreateTraining', { steps: value('steps'), resolution: Number(value('resolution')), features: Number(value('features')), batch: Number(value('batch')), promote: form.elements.promote.checked });
      form.closest('details').open = false;
      await load();
    });
  }

  async function load() {
    try {
      const { jobs = [] } = await call('GanTrainer/ListTrainings', { pageSize: 50 });
      if (signal.aborted) return;
      list.replaceChildren(...(jobs.length ? jobs.map((job, i) => card(job, i === 0 || !isEnded(job))) : [empty(t('training.empty'), t('training.emptyText'))]));
    } catch (error) {
      list.replaceChildren(empty(t('failed'), error.message));
    }
  }

  function card(job, open) {
    const chip = h('span', { class: 'chip' });
    const meter = h('progress', { max: 1, value: 0, 'aria-label': t('training.progress') });
    const facts = h('dl', { class: 'facts' });
    const canvas = h('canvas', { role: 'img', 'aria-label': t('training.losses') });
    const cancel = h('button', { type: 'button', class: 'bad', onclick: () => act(cancel, 'CancelTraining') }, t('cancel'));
    const resume = h('button', { type: 'button', onclick: () => act(resume, 'ResumeTraining') }, t('training.resume'));
    const error = h('p', { class: 'problem' });
    const plotArea = h('div', { class: 'plot', hidden: true }, canvas);
    const details = h('details', { class: 'card job', open },
      h('summary', {}, h('span', { class: 'mono' }, job.id), chip, h('span', { class: 'quiet' }, when(job.createdAt)), meter),
      facts, error, plotArea, h('div', { class: 'actions' }, cancel, resume));
    let plot, lastStep = -1;
    update(job);
    if (!isEnded(job)) {
      const stop = watchJob('training', job.id, update, (message) => toast(message, 'bad'));
      signal.addEventListener('abort', () => { stop(); plot?.then((drawn) => drawn.destroy()); });
    }
    return details;

    function update(now) {
      const p = now.progress || {};
      chip.textContent = t(now.state);
      chip.className = `chip ${TONES[now.state] || ''}`;
      meter.value = now.done || 0;
      error.textContent = now.error || '';
      cancel.hidden = isEnded(now);
      cancel.disabled = Boolean(now.cancelRequested);
      resume.hidden = !isEnded(now) || now.state === 'JOB_STATE_SUCCEEDED';
      const rows = [
        ['training.phase', p.phase && t(`phase.${p.phase}`)], ['training.step', p.steps && `${number(p.step)} / ${number(p.steps)}`],
        ['training.rate', p.imagesPerSecond && `${p.imagesPerSecond.toFixed(1)}/s`], ['training.left', !isEnded(now) && p.secondsLeft && duration(p.secondsLeft)],
        ['training.elapsed', p.seconds && duration(p.seconds)], ['training.lossG', p.lossGenerator?.toFixed?.(3)], ['training.lossD', p.lossDiscriminator?.toFixed?.(3)],
        ['training.health', p.health && t(p.health)], ['training.products', p.products && number(p.products)],
        ['training.wait', p.dataWait && percent(p.dataWait)], ['system.bundle', p.bundleVersion],
      ];
      facts.replaceChildren(...rows.filter(([, value]) => value).map(([name, value]) => h('div', {}, h('dt', {}, t(name)), h('dd', {}, value))));
      const step = Number(p.step || 0);
      if (isEnded(now) || step <= lastStep || p.lossGenerator === undefined) return;
      lastStep = step;
      plotArea.hidden = false;
      plot ||= newLossPlot(canvas, [t('training.lossG'), t('training.lossD')]);
      plot.then((drawn) => drawn.add(step, [p.lossGenerator, p.lossDiscriminator]));
    }

    function act(pressed, method) {
      busy(pressed, async () => {
        await call(`GanTrainer/${method}`, { jobId: job.id });
        await listBundles(true).catch(() => {});
        await load();
      });
    }
  }
}
