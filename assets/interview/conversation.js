// The conversation: what was said, the question at hand, and the input for its answer.

import { announce, button, h, icon } from './dom.js';
import { createInput } from './inputs.js';

/**
 * The screen of the conversation. `actions` are what the participant can do: `answer(prompt, body)`, `pause()`,
 * `withdraw()`, `leave()`.
 */
export function createConversation({ strings, interview, store, speech, host, actions }) {
  const { t } = strings;
  const progress = h('progress', { class: 'progress', id: 'progress', max: 1, value: 0, 'aria-labelledby': 'progress-text' });
  const progressText = h('p', { class: 'progress-text', id: 'progress-text' });
  const thread = h('div', { class: 'thread', role: 'group', 'aria-label': t('conversation.history') });
  const stage = h('section', { class: 'stage', tabindex: -1, 'aria-label': t('conversation.current') });
  const voice = h('button', { type: 'button', class: 'button quiet', id: 'voice', onclick: () => read() });
  const element = h('div', { class: 'conversation' },
    h('div', { class: 'bar' }, h('h1', { class: 'visually-hidden' }, interview.campaign.name), progressText, progress),
    thread,
    stage,
    h('div', { class: 'tools', role: 'group', 'aria-label': t('conversation.tools') },
      h('button', { type: 'button', class: 'button quiet', id: 'pause', onclick: actions.pause }, icon('pause'), t('pause')),
      voice,
      button('quiet', t('withdraw'), actions.withdraw, { id: 'withdraw' }),
      button('quiet', t('leave'), actions.leave, { id: 'leave' })));

  let shown = null;
  // A question and its answer, as long as the server has not taken it.
  let unconfirmed = [];
  let countdown = null;

  function read() {
    speech.toggle();
    if (shown) speech.say([shown.text]);
  }

  function showVoice() {
    voice.hidden = !speech.available;
    voice.setAttribute('aria-pressed', String(speech.on));
    voice.replaceChildren(icon('sound'), t(speech.on ? 'voice.off' : 'voice.on'));
  }

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
    dropUnconfirmed();
    showProgress(next.progress);
    for (const message of next.messages) say(message.text, message.kind);
    if (next.messages.length) announce(next.messages.map((message) => message.text).join(' '));
    speech.say([...next.messages.map((message) => message.text), next.prompt?.text].filter(Boolean));
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
    const form = h('form', { class: 'form', novalidate: true, onsubmit: submit },
      prompt.kind === 'follow_up' ? h('p', { class: 'eyebrow' }, t('follow_up')) : null,
      input.element,
      error,
      h('div', { class: 'actions' },
        h('button', { type: 'submit', class: 'button primary', id: 'send' }, t('send'), icon('arrow')),
        prompt.required ? null : button('quiet', t('skip'), () => give({ body: { skip: true }, shown: t('skipped') }), { id: 'skip' }),
        timer(prompt)));

    function complain(text) {
      error.textContent = text;
      input.field.setAttribute('aria-invalid', 'true');
      input.focus();
    }

    function submit(event) {
      event.preventDefault();
      const answer = input.read();
      if (answer.error) complain(t(answer.error, answer.values));
      else give(answer);
    }

    async function give({ body, shown: words }) {
      stopCountdown();
      speech.stop();
      unconfirmed = [say(prompt.text, 'question-asked'), say(words, body.skip ? 'mine skipped' : 'mine')];
      stage.replaceChildren(waiting());
      stage.focus({ preventScroll: true });
      reveal();
      const refusal = await actions.answer(prompt, body);
      if (refusal === undefined) return;
      // The answer was not taken: back to where it was given.
      dropUnconfirmed();
      stage.replaceChildren(form);
      complain(refusal);
    }

    stage.replaceChildren(form);
    input.grow?.();
    if (moveFocus) {
      input.focus({ preventScroll: true });
      reveal();
    }
  }

  function waiting() {
    return h('p', { class: 'waiting' }, h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')),
      h('span', {}, t('sending')));
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

  function stopCountdown() {
    clearInterval(countdown);
    countdown = null;
  }

  showVoice();
  return {
    element,
    present,
    showVoice,
    /** The prompt that is on the screen. */
    get prompt() {
      return shown;
    },
    /** The answer that was given last has arrived. */
    confirm() {
      unconfirmed = [];
    },
    /** Shows that something is being sent. */
    wait() {
      stopCountdown();
      stage.replaceChildren(waiting());
    },
    stop() {
      stopCountdown();
      speech.stop();
    },
  };
}
