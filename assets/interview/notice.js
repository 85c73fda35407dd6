// Waiting for a server that does not answer: says why, tries again with growing pauses, and whenever there is hope.

import { ApiError } from './api.js';
import { button, h } from './dom.js';

const LONGEST = 30;

/** The bar at the bottom of the page. */
export function createNotice(element, strings) {
  const { t } = strings;
  let shown = '';
  let again = () => {};

  /** Says something; `action` makes the button that goes with it. */
  function show(text, action) {
    // Said once, however often it is tried.
    if (text === shown) return;
    shown = text;
    element.replaceChildren(h('p', {}, text), ...(action ? [action()] : []));
  }

  function clear() {
    shown = '';
    element.replaceChildren();
  }

  /** Resolves when it is time to try again. */
  function pause(error, attempt, words, signal) {
    return new Promise((resolve) => {
      const growing = Math.min(LONGEST, 2 ** attempt) * (0.75 + Math.random() / 2);
      // A server that is busy says when to come back; nobody is allowed to press it.
      const seconds = error.retryAfter ?? growing;
      const timer = setTimeout(done, seconds * 1000);
      signal?.addEventListener('abort', done);
      if (error.offline) {
        window.addEventListener('online', done);
        show(words ?? t('offline'), () => button('secondary', t('retry'), () => again(), { id: 'retry' }));
        again = done;
      } else {
        show(t('busy', { time: strings.seconds(Math.ceil(seconds)) }));
      }

      function done() {
        clearTimeout(timer);
        window.removeEventListener('online', done);
        signal?.removeEventListener('abort', done);
        resolve();
      }
    });
  }

  /**
   * Sends until there is an answer, and gives it, or the refusal. `words` are said while there is no connection; `signal`
   * ends it.
   */
  async function patiently(send, { words, signal } = {}) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        signal?.throwIfAborted();
        const answer = await send(signal);
        signal?.throwIfAborted();
        clear();
        return answer;
      } catch (error) {
        if (!(error instanceof ApiError) || !error.temporary) {
          if (!signal?.aborted) clear();
          throw error;
        }
        await pause(error, attempt, words, signal);
      }
    }
  }

  return { show, clear, patiently };
}
