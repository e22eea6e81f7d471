// Says that the console does not answer, and when it does again.
import { h } from './dom.js';
import { t } from './i18n.js';

const ASK_EVERY_MS = 2000;

// `back`: called when it answers again.
export function watchForLoss(back) {
  let lost = false;
  addEventListener('console-lost', async () => {
    if (lost) return;
    lost = true;
    const note = h('div', { class: 'lost', role: 'alert' }, h('strong', {}, t('lost.title')), ` ${t('lost.text')}`);
    document.body.prepend(note);
    while (!await fetch('/healthz', { cache: 'no-store' }).then((answer) => answer.ok, () => false)) await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    note.remove();
    lost = false;
    back();
  });
}
