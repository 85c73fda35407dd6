// Pictures and sounds that belong to a question.

import { h } from './dom.js';

/**
 * Elements for what a question shows and plays. Their addresses run out: one that does not work (any more) is asked for
 * again, with `renew`, which resolves to the media with fresh addresses.
 */
export function createMedia(media, strings, renew) {
  if (!media?.length) return null;
  return h('div', { class: 'media' }, media.map((item) => {
    const label = item.name || strings.t(item.kind === 'image' ? 'media.image' : 'media.audio');
    const element = item.kind === 'image'
      ? h('img', { alt: label, dir: 'auto' })
      : h('audio', { controls: true, preload: 'metadata', 'aria-label': label });
    let renewed = false;
    element.addEventListener('error', async () => {
      if (renewed) return;
      renewed = true;
      const fresh = (await renew().catch(() => [])).find((other) => other.id === item.id);
      if (fresh) element.src = address(fresh);
    });
    for (const name of ['load', 'loadeddata']) {
      element.addEventListener(name, () => {
        renewed = false;
      });
    }
    element.src = address(item);
    return element;
  }));
}

/** The link, at the server that this page came from: nobody else is asked, whatever name it was reached by. */
function address({ url }) {
  return new URL(`../files/${url.split('/').pop()}`, window.location.href).href;
}
