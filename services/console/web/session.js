// The token of a console that asks for one: given once, then a cookie that no script sees.
import { h, field, busy } from './dom.js';
import { t } from './i18n.js';

const post = (path, body) => fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

// {needed, signedIn}, and {name, role, methods} of a token of the reader's own, methods being those that the role is
// for; nothing while the console is away, which the first call then says.
export const session = () => fetch('/session').then((answer) => answer.json()).catch(() => ({}));

export const signOut = () => post('/session/end', {});

export function signInForm(onSignedIn) {
  const token = h('input', { name: 'token', type: 'password', required: true, autocomplete: 'current-password' });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const button = h('button', { class: 'primary', type: 'submit' }, t('session.signIn'));
  return h('form', { class: 'card stack signin', onsubmit: (event) => {
    event.preventDefault();
    busy(button, async () => {
      const answer = await post('/session', { token: token.value });
      if (answer.ok) return onSignedIn();
      problem.textContent = answer.status === 401 ? t('session.wrong') : (await answer.json()).message;
      token.select();
    });
  } }, h('h1', {}, t('session.title')), field(t('session.token'), token, t('session.hint')), problem, button);
}
