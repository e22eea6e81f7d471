// Training: a form for a new one, and every job, the open ones live.
import { h, empty, failed } from './dom.js';
import { call, isEnded } from './api.js';
import { trainingForm } from './training_form.js';
import { trainingJob } from './training_job.js';
import { t } from './i18n.js';

export const needs = 'GanTrainer/ListTrainings';

export function render(root, signal) {
  const list = h('div', { class: 'stack' });
  let shown = new AbortController();
  root.append(trainingForm(load), list);
  signal.addEventListener('abort', () => shown.abort());
  load();

  async function load() {
    try {
      const { jobs = [] } = await call('GanTrainer/ListTrainings', { pageSize: 50 });
      if (signal.aborted) return;
      shown.abort();
      shown = new AbortController();
      list.replaceChildren(...(jobs.length ? jobs.map((job, i) => trainingJob(job, i === 0 || !isEnded(job), shown.signal, load)) : [empty(t('training.empty'), t('training.emptyText'))]));
    } catch (error) {
      list.replaceChildren(failed(error));
    }
  }
}
