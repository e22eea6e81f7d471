// Asks for something before it is done.
//
//   const answer = await ask(t('reject'), [field(t('placeholders.reason'), input)], { run: t('reject'), tone: 'bad' });
//   if (answer) use(answer.reason);
import { h } from './dom.js';
import { t } from './i18n.js';

// The form's values by their names, or undefined when the reader thought better of it.
export function ask(title, content, { run, tone = 'primary', cancel = t('cancel') }) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const form = h('form', { class: 'stack', method: 'dialog' }, h('h2', { id: 'dialog-title' }, title), content,
      h('div', { class: 'actions end' },
        h('button', { type: 'button', onclick: () => dialog.close('') }, cancel),
        run && h('button', { class: tone, type: 'submit', value: 'run' }, run)));
    const dialog = h('dialog', { class: 'card', 'aria-labelledby': 'dialog-title' }, form);
    dialog.addEventListener('close', () => {
      const values = Object.fromEntries([...form.elements].filter(({ name }) => name).map((input) => [input.name, input.type === 'checkbox' ? input.checked : input.value.trim()]));
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve(dialog.returnValue === 'run' ? values : undefined);
    });
    // A page that was left does not leave its question behind.
    addEventListener('hashchange', () => dialog.close(''), { once: true });
    document.body.append(dialog);
    dialog.showModal();
  });
}
