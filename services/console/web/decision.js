// A person's word on a verdict: clean or abuse, and why.
import { h, field, busy, toast } from './dom.js';
import { call, reviewer, setReviewer } from './api.js';
import { ask } from './dialog.js';
import { t } from './i18n.js';

const REASONS = ['PROMOTIONAL_OVERLAY', 'MISMATCH', 'PLACEHOLDER', 'LOW_QUALITY', 'POLICY'].map((name) => `ABUSE_REASON_${name}`);
const PROBABLE = 0.5;

export function reviewerField() {
  const input = h('input', { maxlength: '256', autocomplete: 'name', value: reviewer(), onchange: () => setReviewer(input.value) });
  return field(t('decision.reviewer'), input);
}

// What the verdict itself would say; its first reason when none is probable.
const probableReasons = ({ reasons = [] }) => {
  const probable = reasons.filter(({ probability = 0 }) => probability >= PROBABLE).map(({ reason }) => reason);
  return probable.length ? probable : reasons.slice(0, 1).map(({ reason }) => reason);
};

// `keep`: called first, so that a verdict which is not kept yet becomes so; gives the kept one.
// Answers whether it was decided.
export async function decide(verdict, decision, keep = async () => verdict) {
  let reasons = [];
  let note = '';
  if (decision === 'VERDICT_KIND_ABUSE') {
    const likely = probableReasons(verdict);
    const answer = await ask(t('decision.why'), [
      h('fieldset', {}, h('legend', {}, t('decision.reasons')), REASONS.map((reason) => h('label', { class: 'check' }, h('input', { type: 'checkbox', name: reason, checked: likely.includes(reason) }), t(reason)))),
      field(t('decision.note'), h('input', { name: 'note', maxlength: '1000', autocomplete: 'off' })), reviewerField()], { run: t('decision.abuse'), tone: 'bad' });
    if (!answer) return false;
    reasons = REASONS.filter((reason) => answer[reason]);
    note = answer.note;
    if (!reasons.length) throw new Error(t('decision.needReason'));
  }
  const kept = await keep();
  await call('AbuseScorer/SubmitReview', { productId: kept.productId, imageSha256: kept.imageSha256, decision, reasons, reviewer: reviewer(), note });
  return true;
}

// Both words, said as agreement or not where the verdict has one.
export function decisionButtons(verdict, keep, done) {
  const word = (decision, key, tone) => {
    const agrees = verdict.kind === decision ? 'decision.agree' : verdict.kind === 'VERDICT_KIND_REVIEW' || verdict.kind === 'VERDICT_KIND_NOT_SCORED' ? '' : 'decision.disagree';
    const button = h('button', { type: 'button', class: tone, onclick: () => busy(button, async () => {
      if (!await decide(verdict, decision, keep)) return;
      toast(t('decision.kept'));
      done(decision);
    }) }, agrees ? `${t(agrees)}: ${t(key)}` : t(key));
    return button;
  };
  return [word('VERDICT_KIND_CLEAN', 'decision.clean', 'good'), word('VERDICT_KIND_ABUSE', 'decision.abuse', 'bad')];
}
