// Tabs, language, and which section is shown. A section is a module with
// render(root, signal, argument): it fills `root`, and stops what it started when `signal`
// aborts. `needs` is the method without which it is of no use: a reader whose role is not for that does not see it. "#catalogue/B000" is the section "catalogue" with the argument "B000".
import { h } from './dom.js';
import { t, language, setLanguage } from './i18n.js';
import { setReader } from './api.js';
import { session, signInForm } from './session.js';
import { watchForLoss } from './lost.js';
import * as generate from './generate.js';
import * as check from './check.js';
import * as review from './reviews.js';
import * as placeholders from './placeholders.js';
import * as similar from './similar.js';
import * as catalogue from './catalogue.js';
import * as training from './training.js';
import * as system from './system.js';

const sections = { check, generate, review, placeholders, similar, catalogue, training, system };
let allowed = Object.keys(sections);
const main = document.getElementById('main');
const tabs = document.querySelector('.tabs');
let shown = new AbortController();
let locked = false;

function current() {
  const [name, ...argument] = location.hash.slice(1).split('/');
  return allowed.includes(name) ? [name, decodeURIComponent(argument.join('/'))] : [allowed[0], ''];
}

function show() {
  const [name, argument] = current();
  shown.abort();
  shown = new AbortController();
  tabs.hidden = locked;
  if (locked) {
    main.replaceChildren(signInForm(start));
    main.querySelector('input').focus();
    return;
  }
  for (const tab of tabs.children) {
    const selected = tab.id === `tab-${name}`;
    tab.setAttribute('aria-selected', String(selected));
    tab.tabIndex = selected ? 0 : -1;
    if (selected) tab.scrollIntoView({ block: 'nearest', inline: 'center' });
  }
  const root = h('section', { id: 'panel', role: 'tabpanel', 'aria-labelledby': `tab-${name}` },
    h('div', { class: 'heading' }, h('h1', {}, t(`tab.${name}`)), h('p', {}, t(`about.${name}`))));
  main.replaceChildren(root);
  document.title = `${t(`tab.${name}`)} · Mannequin`;
  sections[name].render(root, shown.signal, argument);
}

function drawFrame() {
  document.documentElement.lang = language();
  document.querySelector('.skip').textContent = t('skip');
  tabs.replaceChildren(...allowed.map((name) =>
    h('button', { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel', onclick: () => { if (location.hash === `#${name}`) show(); else location.hash = name; } }, t(`tab.${name}`))));
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language()));
  }
  show();
}

tabs.addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const all = [...tabs.children];
  let next = all.indexOf(document.activeElement);
  if (step) next = (next + step + all.length) % all.length;
  else if (event.key === 'Home') next = 0;
  else if (event.key === 'End') next = all.length - 1;
  else return;
  event.preventDefault();
  all[next].focus();
  all[next].click();
});
for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => { setLanguage(button.dataset.language); drawFrame(); });
}
addEventListener('hashchange', show);

// Nothing is shown to who has not signed in.
function lock() {
  locked = true;
  show();
}
addEventListener('console-sign-in', lock);

// What was being written stays; what could not be shown is asked for again.
watchForLoss(() => { if (main.querySelector('.failed')) show(); });
async function start() {
  const { needed, signedIn, name, methods } = await session();
  setReader(name);
  locked = Boolean(needed && !signedIn);
  allowed = Object.keys(sections).filter((each) => !methods || methods.includes(sections[each].needs));
  drawFrame();
}
await start();
