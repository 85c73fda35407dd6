// The screens before, beside and after the conversation. Each is an element with one heading.

import { button, h, icon } from './dom.js';
import { canRecord } from './microphone.js';
import { createVoiceButton } from './speech.js';

/** Roughly how long a question takes, in minutes: a promise that is kept more often than not. */
const MINUTES_PER_QUESTION = 1;

/** The line on top: who asks, and for what. */
export function header({ organization, campaign }) {
  // A logo from elsewhere would tell its server about the participant: only one of our own origin is shown.
  const own = organization.logo && new URL(organization.logo, document.baseURI).origin === window.location.origin;
  const mark = own
    ? h('img', { class: 'mark', src: organization.logo, alt: '' })
    : h('span', { class: 'mark letter', 'aria-hidden': 'true' }, [...organization.name.trim()][0] ?? '');
  return [
    mark,
    h('p', { class: 'who' },
      h('strong', { dir: 'auto' }, organization.name),
      h('span', { dir: 'auto' }, campaign.name)),
  ];
}

export function loading() {
  return h('div', { class: 'card center' },
    h('p', { class: 'waiting' }, h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'))));
}

/** What will happen, who asks, and what the participant is asked to agree to. */
export function welcome({ strings, interview, onstart, onrefuse }) {
  const { t } = strings;
  const { invite, campaign, organization, consent, totalQuestions } = interview;
  const facts = [
    ['chat', t('facts.questions', { count: totalQuestions })],
    ['clock', t('facts.time', { duration: strings.minutes(Math.max(1, totalQuestions * MINUTES_PER_QUESTION)) })],
    interview.speech?.answers && canRecord() ? ['microphone', t('facts.voice')] : null,
    ['pause', t('facts.pause')],
    ['calendar', t('facts.until', { date: strings.date(invite.expiresAt) })],
  ].filter(Boolean);
  // Who has refused must take that back before anything starts, also where nothing was required.
  const { recording, dataProcessing } = interview.session?.consent ?? {};
  const refused = recording === false || dataProcessing === false;
  const required = consent.required || refused;
  const terms = consent.texts.map((text) => term(strings, text, required));
  const begin = h('button', { type: 'submit', class: 'button primary', id: 'start' }, t('start'), icon('arrow'));

  function submit(event) {
    event.preventDefault();
    const missing = required ? terms.filter((entry) => !entry.box.checked) : [];
    for (const entry of terms) entry.complain(missing.includes(entry) ? t('consent.missing') : '');
    if (missing.length) missing[0].box.focus();
    else onstart(terms.filter((entry) => entry.box.checked).map((entry) => entry.text));
  }

  return h('div', { class: 'card' },
    h('p', { class: 'eyebrow' }, t('invitation', { organization: organization.name })),
    h('h1', { dir: 'auto' }, campaign.name),
    h('p', { class: 'lead' }, invite.name ? `${t('hello', { name: invite.name })} ` : null, t('welcome.what')),
    h('ul', { class: 'facts' }, facts.map(([name, text]) => h('li', {}, icon(name), h('span', {}, text)))),
    h('form', { class: 'consent', novalidate: true, onsubmit: submit },
      terms.length
        ? h('fieldset', { class: 'fieldset' },
          h('legend', { class: 'section' }, t('consent.title')),
          h('p', { class: 'hint' }, t(required ? 'consent.required' : 'consent.optional')),
          terms.map((entry) => entry.element))
        : null,
      h('div', { class: 'actions' }, begin, button('secondary', t('refuse'), onrefuse, { id: 'refuse' }))));
}

/** One consent text with its box. */
function term(strings, text, required) {
  const { t } = strings;
  const id = `consent-${text.type}`;
  const error = h('p', { class: 'error', id: `${id}-error` });
  const box = h('input', { type: 'checkbox', id, 'aria-describedby': `${id}-version ${id}-error`, required });
  const version = t('consent.version', { version: text.version, language: strings.language(text.locale) });
  const element = h('div', { class: 'term' },
    box,
    h('div', {},
      h('label', { for: id },
        h('strong', {}, t(`consent.${text.type}`)),
        h('span', { class: 'term-text', lang: text.locale, dir: strings.languageDirection(text.locale) }, text.text)),
      h('p', { class: 'hint', id: `${id}-version` }, version),
      error));
  return {
    box,
    text,
    element,
    complain(words) {
      error.textContent = words;
      if (words) box.setAttribute('aria-invalid', 'true');
      else box.removeAttribute('aria-invalid');
    },
  };
}

/** The participant did not agree. */
export function refused({ strings, interview, onback }) {
  const { t } = strings;
  return message(t('refused.title'), [t('refused.text', { organization: interview.organization.name }), t('refused.close')],
    button('secondary', t('refused.back'), onback, { id: 'back' }));
}

/** The interview rests; `silent` when nobody asked for that. */
export function paused({ strings, silent, onresume, onwithdraw, onleave }) {
  const { t } = strings;
  return message(t('paused.title'), [t(silent ? 'paused.silent' : 'paused.text'), t('paused.return')],
    button('primary', t('resume'), onresume, { id: 'resume' }),
    button('quiet', t('withdraw'), onwithdraw, { id: 'withdraw' }),
    button('quiet', t('leave'), onleave, { id: 'leave' }));
}

/** The interview came to its end: what was kept, and how to take it back. */
export function finished({ strings, interview, closing, session, speech, onwithdraw }) {
  const { t } = strings;
  const organization = interview.organization.name;
  const kept = [
    ['document', session ? t('kept.count', { answered: session.questionsAnswered, total: interview.totalQuestions }) : t('kept.answers')],
    interview.speech?.answers ? ['microphone', t('kept.recordings')] : null,
    ['shield', t('kept.consent')],
    ['device', t('kept.device')],
  ].filter(Boolean);
  const timeUp = session?.endReason === 'time_limit';
  return h('div', { class: 'card' },
    h('p', { class: 'seal', 'aria-hidden': 'true' }, icon('check')),
    h('h1', {}, t('finished.title')),
    timeUp ? h('p', { class: 'lead' }, t('finished.time')) : null,
    closing.length
      ? closing.map(({ text }) => h('p', { class: 'lead', lang: strings.content, dir: 'auto' }, text))
      : h('p', { class: 'lead' }, t('finished.text', { organization })),
    closing.length ? createVoiceButton(speech, t, () => closing) : null,
    session?.duration ? h('p', { class: 'hint' }, t('finished.duration', { duration: strings.duration(session.duration) })) : null,
    h('h2', { class: 'section' }, t('kept.title')),
    h('p', {}, t('kept.text', { organization })),
    h('ul', { class: 'facts' }, kept.map(([name, text]) => h('li', {}, icon(name), h('span', {}, text)))),
    h('h2', { class: 'section' }, t('withdraw.title')),
    h('p', {}, t('withdraw.how', { organization })),
    h('div', { class: 'actions' }, button('secondary', t('withdraw'), onwithdraw, { id: 'withdraw' })),
    h('p', { class: 'hint' }, t('close')));
}

/** An end, a refusal or a failure: a title, some paragraphs, and what can be done. */
export function message(title, paragraphs, ...actions) {
  return h('div', { class: 'card' },
    h('h1', {}, title),
    paragraphs.filter(Boolean).map((text, index) => h('p', { class: index === 0 ? 'lead' : null }, text)),
    actions.length ? h('div', { class: 'actions' }, actions) : null);
}
