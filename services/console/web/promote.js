// Makes a bundle the current one; the gate's table says what it compared.
import { h, toast } from './dom.js';
import { call, listBundles } from './api.js';
import { ask } from './dialog.js';
import { t } from './i18n.js';

const figure = (value = 0) => Number(value.toPrecision(4)).toString();

function gateTable(rows) {
  return h('div', { class: 'scroll' }, h('table', { class: 'gate' },
    h('thead', {}, h('tr', {}, ['gate.figure', 'gate.candidate', 'gate.current', 'gate.tolerance', ''].map((key) => h('th', { scope: 'col' }, key && t(key))))),
    h('tbody', {}, rows.map(({ figure: name, candidate, current, tolerance, worse }) => h('tr', {}, h('th', { scope: 'row' }, name),
      [candidate, current, tolerance].map((value) => h('td', {}, figure(value))), h('td', {}, h('span', { class: `chip ${worse ? 'bad' : 'good'}` }, t(worse ? 'gate.worse' : 'gate.fine'))))))));
}

// Refused by the gate, it asks whether to promote all the same. True when it is current now.
export async function promote(version) {
  let answer;
  try {
    answer = await call('GanTrainer/PromoteBundle', { version });
  } catch (error) {
    if (error.code !== 'failed_precondition') throw error;
    const force = await ask(t('gate.refused'), h('pre', { class: 'scroll', tabIndex: 0 }, error.message), { run: t('gate.force'), tone: 'bad' });
    if (!force) return false;
    answer = await call('GanTrainer/PromoteBundle', { version, force: true });
  }
  await listBundles(true).catch(() => {});
  toast(t('system.promoted'));
  if (answer.gate?.length) await ask(`${t('gate.title')} ${version}`, gateTable(answer.gate), { cancel: t('close') });
  return true;
}
