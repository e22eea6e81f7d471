// What happened to a placeholder, oldest first.
import { h, percent, when } from './dom.js';
import { t } from './i18n.js';

export function placeholderHistory(events) {
  let drawnBefore = false;
  return h('ol', { class: 'history' }, events.map((event) => {
    const drawn = event.state === 'PLACEHOLDER_STATE_PROPOSED';
    const what = drawn && drawnBefore ? t('placeholders.redrawn') : t(event.state);
    drawnBefore ||= drawn;
    const facts = drawn ? [percent(event.confidence || 0), `${t('field.seed')} ${event.seed || 0}`, event.words && `“${event.words}”`] : [];
    return h('li', {}, h('strong', {}, what), h('span', { class: 'quiet' }, [when(event.at), event.reviewer || t('placeholders.suite'), ...facts].filter(Boolean).join(' · ')),
      event.reason ? h('span', {}, `“${event.reason}”`) : null);
  }));
}
