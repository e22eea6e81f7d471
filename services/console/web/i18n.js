// t('tab.check') in the reader's language: the browser's until another is chosen. A key
// without a word shows itself.
import { WORDS } from './words.js';

const KEY = 'mannequin.language';
let chosen = localStorage.getItem(KEY) || (navigator.language.startsWith('ko') ? 'ko' : 'en');

export const language = () => chosen;

export function setLanguage(next) {
  chosen = next;
  localStorage.setItem(KEY, next);
}

export const t = (key) => WORDS[key]?.[chosen === 'ko' ? 1 : 0] ?? key ?? '';
