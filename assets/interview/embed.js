/*
 * Mounts an interview in a page of your own:
 *
 *   <script src="https://relay.example.com/embed.js" data-token="inv_…"></script>
 *
 * or, where and when you like:
 *
 *   const interview = InterviewRelay.mount(element, { token: 'inv_…', onCompleted() { … } });
 *   interview.destroy();
 *
 * Options: `token`, or the invite's whole link as `url`; `title` of the frame; `autoResize: false` to keep its height;
 * `onReady`, `onStarted`, `onPaused`, `onResumed`, `onCompleted`, `onLeft`, `onResize`, and `onEvent` for all of them.
 * The same events reach the element as `interviewrelay:started` and so on.
 *
 * Your site's origin has to be among the origins that the server allows (--embed-origins).
 */
(() => {
  'use strict';

  const EVENTS = ['ready', 'started', 'paused', 'resumed', 'completed', 'left', 'resize'];
  const script = document.currentScript;

  function address({ token, url }) {
    if (url) return new URL(url, document.baseURI);
    if (!token) throw new TypeError('InterviewRelay.mount: give the token of an invite, or its link as url');
    return new URL(`interview/${encodeURIComponent(token)}`, script.src);
  }

  function mount(target, options = {}) {
    const element = typeof target === 'string' ? document.querySelector(target) : target;
    if (!(element instanceof Element)) throw new TypeError('InterviewRelay.mount: there is no such element');
    const link = address(options);
    if (!['http:', 'https:'].includes(link.protocol)) throw new TypeError('InterviewRelay.mount: not a link of an invite');

    const frame = document.createElement('iframe');
    frame.title = options.title ?? 'Interview';
    frame.allow = 'microphone; autoplay';
    frame.referrerPolicy = 'no-referrer';
    Object.assign(frame.style, { border: '0', display: 'block', width: '100%', minHeight: '30rem' });

    function receive({ source, origin, data }) {
      // Only that frame, and only while it shows the interview's own origin.
      if (source !== frame.contentWindow || origin !== link.origin || data?.source !== 'interview-relay') return;
      const { event, source: _, ...detail } = data;
      if (!EVENTS.includes(event)) return;
      if (event === 'resize' && ![false, 'false'].includes(options.autoResize) && Number.isFinite(detail.height)) {
        frame.style.height = `${Math.min(Math.max(detail.height, 0), 20_000)}px`;
      }
      element.dispatchEvent(new CustomEvent(`interviewrelay:${event}`, { bubbles: true, detail }));
      options[`on${event[0].toUpperCase()}${event.slice(1)}`]?.(detail);
      options.onEvent?.({ type: event, ...detail });
    }

    window.addEventListener('message', receive);
    frame.addEventListener('load', () => {
      frame.contentWindow?.postMessage({ source: 'interview-relay-host' }, link.origin);
    });
    frame.src = link.href;
    element.append(frame);
    return {
      frame,
      destroy() {
        window.removeEventListener('message', receive);
        frame.remove();
      },
    };
  }

  window.InterviewRelay = Object.freeze({ mount });

  if (script.dataset.token || script.dataset.url) {
    const inBody = Boolean(script.closest('body'));
    const start = () => {
      const place = document.createElement('div');
      if (inBody) script.after(place);
      else document.body.append(place);
      mount(place, { ...script.dataset });
    };
    // Nothing in a page's head is shown.
    if (inBody) start();
    else document.addEventListener('DOMContentLoaded', start);
  }
})();
