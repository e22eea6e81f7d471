// Tabs, language, and which section is shown. A section is a module with
// render(root, signal): it fills `root`, and stops what it started when `signal` aborts.
import { h } from './dom.js';
import { t, language, setLanguage } from './i18n.js';
import * as check from './check.js';
import * as generate from './generate.js';
import * as placeholders from './placeholders.js';
import * as similar from './similar.js';
import * as catalogue from './catalogue.js';
import * as training from './training.js';
import * as system from './system.js';

const sections = { check, generate, placeholders, similar, catalogue, training, system };
const main = document.getElementById('main');
const tabs = document.querySelector('.tabs');
let shown = new AbortController();

function currentName() {
  const name = location.hash.slice(1);
  return name in sections ? name : 'check';
}

function show() {
  const name = currentName();
  shown.abort();
  shown = new AbortController();
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
  sections[name].render(root, shown.signal);
}

function drawFrame() {
  document.documentElement.lang = language();
  document.querySelector('.skip').textContent = t('skip');
  tabs.replaceChildren(...Object.keys(sections).map((name) =>
    h('button', { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel', onclick: () => { location.hash = name; } }, t(`tab.${name}`))));
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
drawFrame();
