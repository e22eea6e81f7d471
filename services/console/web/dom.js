// Small helpers to build the page. Text always goes in as text, never as markup.
import { t } from './i18n.js';

// h('button', {class: 'primary', onclick: save}, 'Save')
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== 'string') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

let fields = 0;

// A label above its input; `name` is the form's key.
export function field(label, input, hint) {
  input.id = `f${++fields}`;
  const text = hint && h('small', { id: `${input.id}-hint` }, hint);
  if (text) input.setAttribute('aria-describedby', text.id);
  return h('div', { class: 'field' }, h('label', { for: input.id }, label), input, text);
}

export function select(name, options, value) {
  return h('select', { name }, options.map(([key, text]) => h('option', { value: key, selected: key === value }, text)));
}

// A horizontal bar, 0 to 1, with its label and percentage.
export function bar(label, share, tone = '') {
  const fill = h('span', { class: `fill ${tone}` });
  fill.style.width = `${Math.round(Math.max(0, Math.min(1, share)) * 100)}%`;
  return h('div', { class: 'barline' },
    h('span', { class: 'barlabel' }, label),
    h('span', { class: 'track', role: 'img', 'aria-label': `${label}: ${percent(share)}` }, fill),
    h('span', { class: 'number' }, percent(share)));
}

// 0.041 is "4.1%", 0.41 "41%".
export const percent = (share) => `${(share * 100).toFixed(share < 0.1 && share > 0 ? 1 : 0)}%`;

// A quiet word where there is nothing else.
export function empty(title, text, ...actions) {
  return h('div', { class: 'empty' }, h('h3', {}, title), h('p', {}, text), actions.length ? h('div', { class: 'actions' }, actions) : null);
}

export function failed({ message }) {
  const note = empty(t('failed'), message);
  note.classList.add('failed');
  return note;
}

// A product's picture, or a quiet tile when it has none. `badge` lies on what is shown.
export function picture(url, alt, badge) {
  const frame = h('div', { class: 'picture' });
  const image = h('img', { src: url, alt, loading: 'lazy', decoding: 'async' });
  image.addEventListener('load', () => {
    frame.classList.add('shown');
    if (badge) frame.append(h('span', { class: 'chip badge' }, badge));
  });
  image.addEventListener('error', () => frame.classList.add('none'));
  frame.append(image);
  return frame;
}

export function toast(message, tone = '') {
  const note = h('div', { class: `toast ${tone}` }, message);
  document.getElementById('toasts').append(note);
  setTimeout(() => note.remove(), tone === 'bad' ? 8000 : 4000);
}

export function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = Number(count || 0), unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit++; }
  return `${unit ? value.toFixed(1) : value} ${units[unit]}`;
}

export const number = (value) => Number(value || 0).toLocaleString(document.documentElement.lang);

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds || 0));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
}

export const when = (timestamp) =>
  timestamp ? new Date(timestamp).toLocaleString(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' }) : '';

// Disables the button while the work runs and says what failed.
export async function busy(button, work) {
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  try {
    return await work();
  } catch (error) {
    toast(error.message, 'bad');
  } finally {
    button.disabled = false;
    button.removeAttribute('aria-busy');
  }
}
