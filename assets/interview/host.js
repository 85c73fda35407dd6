// The page that this one is mounted in, if there is one (see embed.js, which is the other end).
//
// The browser lets only allowed origins frame this page. Which of them does so is learned from the greeting that
// embed.js sends: only the parent window is listened to, only when its origin is allowed, and only that origin is told.

/** Tells the host what happens; on its own page it tells nobody. */
export function createHost(origins) {
  const embedded = window.parent !== window;
  let origin = null;
  let height = 0;
  const early = [];

  function emit(event, detail = {}) {
    if (!embedded) return;
    if (origin === null) early.push([event, detail]);
    else window.parent.postMessage({ ...detail, source: 'interview-relay', event }, origin);
  }

  function measure() {
    const now = Math.ceil(document.body.getBoundingClientRect().height);
    if (now === height) return;
    height = now;
    emit('resize', { height });
  }

  if (embedded) {
    document.documentElement.classList.add('embedded');
    window.addEventListener('message', ({ source, origin: from, data }) => {
      if (source !== window.parent || !origins.includes(from) || data?.source !== 'interview-relay-host') return;
      if (origin !== null) return;
      origin = from;
      for (const [event, detail] of early.splice(0)) emit(event, detail);
    });
    new ResizeObserver(measure).observe(document.body);
  }
  return { embedded, emit };
}
