// What a new training is asked for; everything that is left at its default is left out.
import { h, field, select, busy } from './dom.js';
import { call } from './api.js';
import { t } from './i18n.js';

const number = (name, value, min, max, step = 1) => h('input', { name, type: 'number', min: String(min), max: String(max), step: String(step), value: String(value), required: true });
const options = (name, keys, prefix) => select(name, keys.map((key) => [`${prefix}${key}`, t(`${prefix}${key}`)]), `${prefix}${keys[0]}`);
const pair = (...fields) => h('div', { class: 'pair' }, fields);

export function trainingForm(onStarted) {
  const button = h('button', { class: 'primary', type: 'submit' }, t('training.start'));
  const form = h('form', { class: 'stack', onsubmit: (event) => {
    event.preventDefault();
    busy(button, async () => {
      await call('GanTrainer/CreateTraining', requestOf(form));
      form.closest('details').open = false;
      await onStarted();
    });
  } },
  pair(field(t('training.preset'), select('preset', [['mannequin', 'mannequin'], ['tacgan', 'tacgan']], 'mannequin')),
    field(t('training.resolution'), select('resolution', [['64', '64 px'], ['128', '128 px'], ['256', '256 px']], '64'))),
  pair(field(t('training.steps'), number('steps', 10000, 1, 10000000)), field(t('training.maxMinutes'), number('minutes', 0, 0, 100000), t('training.maxMinutesHint'))),
  pair(field(t('training.features'), number('features', 32, 8, 256)), field(t('training.batch'), number('batch', 64, 2, 1024))),
  h('details', { class: 'more' }, h('summary', {}, t('training.more')), h('div', { class: 'stack' },
    pair(field(t('training.rateLearning'), number('learningRate', 0.0002, 0.000001, 1, 'any')), field(t('training.schedule'), options('schedule', ['CONSTANT', 'COSINE'], 'LEARNING_RATE_SCHEDULE_'))),
    pair(field(t('training.halfSteps'), number('halfSizeSteps', 0, -1, 10000000), t('training.halfStepsHint')), field(t('training.judgeSteps'), number('judgeSteps', 0, -1, 10000000), t('training.judgeStepsHint'))),
    pair(field(t('training.evaluation'), number('evaluationSteps', 0, 0, 10000000), t('training.evaluationHint')), field(t('training.divergence'), options('divergence', ['WARN', 'ROLL_BACK', 'STOP'], 'DIVERGENCE_POLICY_'))),
    pair(field(t('training.maxProducts'), number('maxProducts', 0, 0, 100000000), t('training.maxProductsHint')), field(t('training.minCategory'), number('minCategoryImages', 8, 1, 100000))),
    pair(field(t('field.seed'), number('seed', 0, 0, 9007199254740991)), field(t('training.license'), h('input', { name: 'license', maxlength: '1000', autocomplete: 'off' }), t('training.licenseHint'))))),
  h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'promote', checked: true }), t('training.promote')), button);
  return h('details', { class: 'card' }, h('summary', {}, t('training.new')), form);
}

function requestOf(form) {
  const value = (name) => form.elements[name].value;
  return {
    preset: value('preset'), resolution: Number(value('resolution')), features: Number(value('features')), batch: Number(value('batch')), steps: value('steps'),
    maxSeconds: Number(value('minutes')) * 60, learningRate: Number(value('learningRate')), learningRateSchedule: value('schedule'), halfSizeSteps: value('halfSizeSteps'), judgeSteps: value('judgeSteps'),
    evaluationSteps: value('evaluationSteps'), divergencePolicy: value('divergence'), maxProducts: value('maxProducts'), minCategoryImages: Number(value('minCategoryImages')),
    seed: value('seed'), dataLicense: value('license').trim(), promote: form.elements.promote.checked,
  };
}
