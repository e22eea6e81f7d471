// Keys for a grid of cards: arrows move, and letters do what the page says.
//
//   cardKeys(grid, { a: (card) => card.approve() }, signal);
export function cardKeys(grid, actions, signal) {
  document.addEventListener('keydown', (event) => {
    const key = event.key.toLowerCase();
    const step = { arrowright: 'nextElementSibling', arrowleft: 'previousElementSibling' }[key];
    if ((!step && !actions[key]) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, select, textarea, dialog, [role="tab"]')) return;
    const card = event.target.closest('.tile');
    event.preventDefault();
    // The first key only chooses the first picture: nothing is decided unseen.
    if (!card) grid.querySelector('.tile')?.focus();
    else if (step) card[step]?.focus();
    else actions[key](card);
  }, { signal });
}
