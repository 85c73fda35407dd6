// The conversation: what was said, the question at hand, and the input for its answer.

import { announce, button, h, icon } from './dom.js';
import { createInput } from './inputs.js';
import { createMedia } from './media.js';
import { createMicrophone } from './microphone.js';
import { createVoiceButton } from './speech.js';

/**
 * The screen of the conversation. `actions` are what the participant can do: `answer(prompt, body)`,
 * `answerAloud(prompt, recording)` where `mayAnswerAloud()`, `pause()`, `withdraw()`, `leave()`; and `renew(prompt)`, which
 * asks for fresh links to its media.
 */
export function createConversation({ strings, interview, store, speech, host, actions }) {
  const { t } = strings;
  const progress = h('progress', { class: 'progress', id: 'progress', max: 1, value: 0, 'aria-labelledby': 'progress-text' });
  const progressText = h('p', { class: 'progress-text', id: 'progress-text' });
  const thread = h('div', { class: 'thread', role: 'group', 'aria-label': t('conversation.history') });
  const stage = h('section', { class: 'stage', tabindex: -1, 'aria-label': t('conversation.current') });
  const element = h('div', { class: 'conversation' },
    h('div', { class: 'bar' }, h('h1', { class: 'visually-hidden' }, interview.campaign.name), progressText, progress),
    thread,
    stage,
    h('div', { class: 'tools', role: 'group', 'aria-label': t('conversation.tools') },
      h('button', { type: 'button', class: 'button quiet', id: 'pause', onclick: actions.pause }, icon('pause'), t('pause')),
      createVoiceButton(speech, t, () => [shown].filter(Boolean)),
      button('quiet', t('withdraw'), actions.withdraw, { id: 'withdraw' }),
      button('quiet', t('leave'), actions.leave, { id: 'leave' })));

  let shown = null;
  // A question and its answer, as long as the server has not taken it.
  let unconfirmed = [];
  let countdown = null;
  let microphone = null;

  function say(text, kind) {
    const mine = kind.startsWith('mine');
    const line = h('div', { class: `line ${kind}` },
      h('span', { class: 'visually-hidden' }, `${t(mine ? 'speaker.you' : 'speaker.interviewer')}: `),
      // Whoever writes English in an Arabic interview reads it from the left.
      h('p', { lang: strings.content, dir: 'auto' }, text));
    thread.append(line);
    return line;
  }

  function dropUnconfirmed() {
    for (const line of unconfirmed.splice(0)) line.remove();
  }

  function showProgress({ answered, total }) {
    progress.max = Math.max(total, 1);
    progress.value = answered;
    progressText.textContent = t('progress', { answered, total });
  }

  /** Shows what the server says comes next. */
  function present(next, { moveFocus = true } = {}) {
    stopCountdown();
    silence();
    dropUnconfirmed();
    showProgress(next.progress);
    for (const message of next.messages) say(message.text, message.kind);
    if (next.messages.length) announce(next.messages.map((message) => message.text).join(' '));
    speech.say([...next.messages, next.prompt].filter(Boolean));
    shown = next.prompt;
    if (next.prompt) showPrompt(next.prompt, moveFocus);
    else stage.replaceChildren();
  }

  function showPrompt(prompt, moveFocus) {
    const draft = store.get('draft');
    const input = createInput(prompt, strings, {
      draft: draft?.promptId === prompt.id ? draft.text : null,
      ondraft: (text) => store.set('draft', { promptId: prompt.id, text }),
    });
    const error = h('p', { class: 'error', id: 'error', role: 'alert' });
    microphone = prompt.type === 'open' && actions.mayAnswerAloud()
      ? createMicrophone({ strings, onrecord: begin, onsend: giveAloud, onfail: warn })
      : null;
    const form = h('form', { class: 'form', novalidate: true, onsubmit: submit, oninput: forgive },
      prompt.kind === 'follow_up' ? h('p', { class: 'eyebrow' }, t('follow_up')) : null,
      createMedia(prompt.media, strings, () => actions.renew(prompt)),
      input.element,
      error,
      h('div', { class: 'actions' },
        h('button', { type: 'submit', class: 'button primary', id: 'send' }, t('send'), icon('arrow')),
        microphone?.element,
        prompt.required ? null : button('quiet', t('skip'), () => give({ body: { skip: true }, shown: t('skipped') }), { id: 'skip' }),
        timer(prompt)));

    function warn(text) {
      error.textContent = text;
    }

    function complain(text) {
      warn(text);
      input.field.setAttribute('aria-invalid', 'true');
      input.focus();
    }

    function forgive() {
      warn('');
      input.field.removeAttribute('aria-invalid');
    }

    function submit(event) {
      event.preventDefault();
      const answer = input.read();
      if (answer.error) complain(t(answer.error, answer.values));
      else give(answer);
    }

    function begin() {
      // Nobody wants to be recorded together with the interviewer.
      speech.stop();
      warn('');
    }

    async function give({ body, shown: words }) {
      silence();
      const lines = [say(prompt.text, 'question-asked'), say(words, body.skip ? 'mine skipped' : 'mine')];
      const refusal = await deliver(lines, t('sending'), () => actions.answer(prompt, body));
      if (refusal !== undefined) complain(refusal);
    }

    async function giveAloud(recording) {
      const lines = [say(prompt.text, 'question-asked')];
      const refusal = await deliver(lines, t('speak.sending'), () => actions.answerAloud(prompt, recording));
      if (refusal === undefined) return;
      warn(refusal.text);
      microphone?.offer(refusal.again ? recording : null);
      input.focus();
    }

    async function deliver(lines, words, send) {
      stopCountdown();
      speech.stop();
      unconfirmed = lines;
      stage.replaceChildren(waiting(words));
      stage.focus({ preventScroll: true });
      reveal();
      const refusal = await send();
      if (refusal === undefined) return undefined;
      // The answer was not taken: back to where it was given.
      dropUnconfirmed();
      stage.replaceChildren(form);
      return refusal;
    }

    stage.replaceChildren(form);
    input.grow?.();
    if (moveFocus) {
      input.focus({ preventScroll: true });
      reveal();
    }
  }

  function waiting(words = t('sending')) {
    return h('p', { class: 'waiting' }, h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')),
      h('span', {}, words));
  }

  /** Brings the question into view; a host scrolls its own page. */
  function reveal() {
    if (host.embedded) return;
    const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    (thread.lastElementChild ?? stage).scrollIntoView({ behavior: calm ? 'auto' : 'smooth', block: 'start' });
  }

  function timer(prompt) {
    if (!prompt.maxDuration) return null;
    const earlier = store.get('asked');
    const asked = earlier?.promptId === prompt.id ? earlier.at : Date.now();
    store.set('asked', { promptId: prompt.id, at: asked });
    const view = h('p', { class: 'timer', role: 'timer', id: 'timer', 'aria-live': 'off' });
    let over = false;
    function tick() {
      const left = Math.ceil(prompt.maxDuration - (Date.now() - asked) / 1000);
      if (left > 0) {
        view.replaceChildren(icon('clock'), t('timer', { time: strings.clock(left) }));
        return;
      }
      // Nobody is cut off: the answer may be finished.
      view.replaceChildren(icon('clock'), t('timer.over'));
      stopCountdown();
      if (!over && view.isConnected) announce(t('timer.over'));
      over = true;
    }
    countdown = setInterval(tick, 1000);
    tick();
    return view;
  }

  /** Nothing is recorded any more. */
  function silence() {
    microphone?.cancel();
  }

  function stopCountdown() {
    clearInterval(countdown);
    countdown = null;
  }

  return {
    element,
    present,
    /** The prompt that is on the screen. */
    get prompt() {
      return shown;
    },
    /** The answer that was given last has arrived; `heard` are the words of a spoken one. */
    confirm(heard = null) {
      unconfirmed = [];
      if (heard) say(heard, 'mine');
    },
    /** Shows that something is being sent. */
    wait() {
      stopCountdown();
      silence();
      stage.replaceChildren(waiting());
    },
    stop() {
      stopCountdown();
      silence();
    },
  };
}
