// Elements without markup: every text goes in as text, so that nothing that a server or a person wrote is ever parsed.

/** An element with attributes, listeners (`onclick`) and children; what is null or false is left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Line icons on a grid of 24; `mirrored` ones point along the reading direction. */
const ICONS = {
  chat: ['M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-7l-4.5 4v-4H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z'],
  clock: ['M12 3.5a8.5 8.5 0 1 1 0 17a8.5 8.5 0 0 1 0-17z', 'M12 7.5V12l3 2'],
  pause: ['M9 6v12', 'M15 6v12'],
  calendar: ['M5 6.5h14a1 1 0 0 1 1 1V19a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7.5a1 1 0 0 1 1-1z', 'M4 10.5h16', 'M8.5 4v4', 'M15.5 4v4'],
  sound: ['M4.5 9.5v5h3.5l4.5 4v-13l-4.5 4z', 'M16 9a4.2 4.2 0 0 1 0 6', 'M18.5 6.5a7.8 7.8 0 0 1 0 11'],
  microphone: ['M12 4a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0v-5A2.5 2.5 0 0 1 12 4z', 'M6.5 11.5a5.5 5.5 0 0 0 11 0', 'M12 17v3.5'],
  shield: ['M12 3.5l7 2.5v5.5c0 4.5-3 7.5-7 9c-4-1.5-7-4.5-7-9V6z', 'M9 12l2.2 2.2L15.2 10'],
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  link: ['M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1', 'M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1'],
  document: ['M7 3.5h7l4 4V20a.5.5 0 0 1-.5.5h-10A.5.5 0 0 1 7 20z', 'M10 12h5', 'M10 15.5h5'],
  device: ['M5 5.5h14a1 1 0 0 1 1 1V15a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6.5a1 1 0 0 1 1-1z', 'M9 19.5h6'],
  arrow: ['M5 12h13', 'M13 6.5l5.5 5.5l-5.5 5.5'],
};

/** A decorative icon. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', name === 'arrow' ? 'icon mirrored' : 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('focusable', 'false');
  for (const line of ICONS[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', line);
    svg.append(path);
  }
  return svg;
}

/** A button; `kind` is `primary`, `secondary`, `quiet` or `danger`. */
export function button(kind, label, onclick, attributes = {}) {
  return h('button', { type: 'button', class: `button ${kind}`, onclick, ...attributes }, label);
}

/** Asks a question in a modal dialog; resolves to whether it was confirmed. */
export function ask({ title, text, confirm, cancel, kind = 'primary' }) {
  return new Promise((resolve) => {
    const answer = (value) => () => dialog.close(value);
    const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title', 'aria-describedby': 'dialog-text' },
      h('h2', { id: 'dialog-title' }, title),
      h('p', { id: 'dialog-text' }, text),
      h('div', { class: 'actions' },
        button(kind, confirm, answer('yes'), { id: 'dialog-confirm' }),
        button('secondary', cancel, answer('no'), { id: 'dialog-cancel', autofocus: true })));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Says something to screen readers only. */
export function announce(text) {
  const announcer = document.getElementById('announcer');
  // A new node each time, so that the same words twice are two announcements; the old ones only take room.
  announcer.replaceChildren(h('p', {}, text));
}
