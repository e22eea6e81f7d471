// The fetching of images: starts it, shows it live, pauses and ends it. One that runs already
// is found again.
import { h, busy, number, percent, duration, toast, bytes } from './dom.js';
import { call, watchJob, isEnded } from './api.js';
import { t } from './i18n.js';

const TONES = { JOB_STATE_SUCCEEDED: 'good', JOB_STATE_FAILED: 'bad', JOB_STATE_RUNNING: 'warn' };

export function crawlPanel(signal, onEnd) {
  let job;
  const start = h('button', { type: 'button', class: 'primary', onclick: () => busy(start, async () => watch((await call('ImageFetcher/StartCrawl', {})).job)) }, t('catalogue.fetch'));
  const control = (method, word, tone = '') => {
    const button = h('button', { type: 'button', class: tone, hidden: true, onclick: () => busy(button, async () => show((await call(`ImageFetcher/${method}`, { jobId: job.id })).job)) }, t(word));
    return button;
  };
  const pause = control('PauseCrawl', 'crawl.pause');
  const resume = control('ResumeCrawl', 'crawl.resume');
  const cancel = control('CancelCrawl', 'crawl.stop', 'bad');
  const chip = h('span', { class: 'chip', hidden: true });
  const meter = h('progress', { max: 1, value: 0, 'aria-label': t('catalogue.fetch'), hidden: true });
  const facts = h('dl', { class: 'facts' });
  const troubles = h('ul', { class: 'quiet' });
  const panel = h('div', { class: 'card stack' }, h('div', { class: 'toolbar' }, start, pause, resume, cancel, chip, meter), facts, troubles);
  call('ProductStore/ListJobs', { kind: 'JOB_KIND_CRAWL', pageSize: 1 }).then(({ jobs: [last] = [] }) => { if (last && !isEnded(last)) watch(last); }, () => {});
  return panel;

  function watch(started) {
    const stop = watchJob('crawl', started.id, (now) => {
      show(now);
      if (!isEnded(now)) return;
      if (now.error || now.progress?.warning) toast(now.error || now.progress.warning, 'bad');
      onEnd();
    }, (message) => toast(message, 'bad'));
    signal.addEventListener('abort', stop);
    show(started);
  }

  function show(now) {
    job = now;
    const p = now.progress || {};
    const paused = now.state === 'JOB_STATE_PAUSED';
    start.hidden = !isEnded(now);
    pause.hidden = isEnded(now) || paused;
    pause.disabled = Boolean(now.pauseRequested);
    resume.hidden = !paused;
    cancel.hidden = isEnded(now);
    cancel.disabled = Boolean(now.cancelRequested);
    chip.hidden = meter.hidden = false;
    chip.textContent = t(now.state);
    chip.className = `chip ${TONES[now.state] || ''}`;
    meter.value = now.done || 0;
    const failed = (p.failed || []).filter(({ products }) => Number(products));
    const rows = [[t('IMAGE_STATE_STORED'), number(p.stored)], [t('IMAGE_STATE_FAILED'), number(failed.reduce((sum, { products }) => sum + Number(products), 0))],
      [t('IMAGE_STATE_PENDING'), number(p.pending)], [t('crawl.unchanged'), Number(p.notModified) && number(p.notModified)], [t('crawl.rate'), `${(p.imagesPerSecond || 0).toFixed(1)}/s · ${bytes(Math.round(p.bytesPerSecond || 0))}/s`],
      [t('crawl.received'), bytes(p.receivedBytes)], [t('crawl.success'), p.successShare !== undefined && percent(p.successShare)], [t('training.left'), !isEnded(now) && p.secondsLeft && duration(p.secondsLeft)]];
    facts.replaceChildren(...rows.filter(([, value]) => value).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
    troubles.replaceChildren(
      ...failed.map(({ failure, products }) => h('li', {}, `${t(failure)}: ${number(products)}`)),
      ...(p.troubledHosts || []).map(({ origin, reason, products }) => h('li', {}, `${origin}: ${reason} (${number(products)})`)));
  }
}
