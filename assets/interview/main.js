// Puts the page together and follows the server: whatever happens, it is asked where the interview stands.

import { ApiError, createApi, describeDevice } from './api.js';
import { createConversation } from './conversation.js';
import { announce, ask, button } from './dom.js';
import { createHost } from './host.js';
import { loadStrings, preferred } from './i18n.js';
import { canRecord } from './microphone.js';
import { createNotice } from './notice.js';
import { createRecordings } from './recordings.js';
import * as screens from './screens.js';
import { createSpeech } from './speech.js';
import { createStore } from './store.js';

/** Seconds until the next heartbeat when the last one got lost. */
const HEARTBEAT_RETRY = 10;
/** Screens from which an interview can go on; on the others nothing waits to be sent. */
const UNDER_WAY = ['welcome', 'conversation', 'paused', 'failed'];
/** Milliseconds until the page's words are asked for again. */
const WORDS_RETRY = 2000;

const main = document.getElementById('main');
const top = document.getElementById('header');
const token = window.location.pathname.split('/').pop();
const store = createStore(token);
const recordings = createRecordings(token);
const api = createApi(new URL(`../v1/interview/${token}`, window.location.href).href, store, describeDevice(navigator));
const origins = document.querySelector('meta[name="embed-origins"]').content.split(' ').filter(Boolean);
const host = createHost(origins);

let strings = null;
let notice = null;
let speech = null;
let interview = null;
let conversation = null;
let heartbeat = null;
let attempts = new AbortController();
let running = Promise.resolve();
let waiting = 0;

const t = (key, values) => strings.t(key, values);

/** Puts a screen in place of the last one, and the focus on its heading. */
function show(name, element) {
  const first = main.dataset.screen === undefined;
  if (name !== 'conversation') {
    conversation?.stop();
    conversation = null;
    speech?.stop();
    stopHeartbeat();
  }
  if (!UNDER_WAY.includes(name)) recordings.drop();
  main.dataset.screen = name;
  main.replaceChildren(element);
  const heading = element.querySelector('h1');
  const place = name === 'welcome' || name === 'conversation' ? null : heading?.textContent;
  if (interview) document.title = [place, interview.campaign.name, interview.organization.name].filter(Boolean).join(' · ');
  // The first screen is read from the top anyway; and a host's page must not jump to us while it loads.
  if (first || !heading || name === 'conversation') return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  if (!host.embedded) window.scrollTo({ top: 0 });
}

/** Speaks a language from here on. */
async function speak(language) {
  strings = await words(language);
  document.documentElement.lang = strings.locale;
  document.documentElement.dir = strings.direction;
  notice = createNotice(document.getElementById('notice'), strings);
}

/** The words of a language. Without any there is nothing to say, so they are tried for as long as it takes. */
async function words(language) {
  for (;;) {
    try {
      return await loadStrings(language);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, WORDS_RETRY));
    }
  }
}

/** Asks the server where the interview stands, and shows that. */
async function sync(note) {
  try {
    interview = await notice.patiently(api.interview);
  } catch (error) {
    return refuse(error);
  }
  return showWhereItStands(note);
}

function showWhereItStands(note) {
  const { status } = interview.session ?? {};
  if (status === 'in_progress') return proceed(note);
  if (status === 'completed' || interview.invite.status === 'completed') return showFinished();
  // Who left before the start may come again.
  if (status === 'abandoned' && interview.invite.status !== 'pending') return showEnded();
  if (status === 'paused') showPaused(false);
  else showWelcome();
  if (note) remark(note);
  return undefined;
}

/** The link leads nowhere (any more). */
function refuse(error) {
  const kinds = {
    INVITE_EXPIRED: 'expired',
    INVITE_CANCELLED: 'cancelled',
    CAMPAIGN_NOT_ACTIVE: 'archived',
    RESOURCE_NOT_FOUND: 'unknown',
    ERASED: 'erased',
  };
  const kind = (error instanceof ApiError && kinds[error.code]) || 'failed';
  if (kind === 'failed') console.error(error);
  const retry = kind === 'failed' ? [button('primary', t('retry'), () => sync(), { id: 'retry' })] : [];
  show(kind, screens.message(t(`${kind}.title`), [t(`${kind}.text`)], ...retry));
}

/**
 * Runs an action of the participant after the one that is under way. Whatever the server refuses, it is asked where the
 * interview stands.
 */
function during(work) {
  const turn = running.then(async () => {
    waiting += 1;
    try {
      return await work();
    } catch (error) {
      if (error.name === 'AbortError') return undefined;
      if (!(error instanceof ApiError)) console.error(error);
      const agreement = error.code === 'CONSENT_REQUIRED' ? t('consent.required') : null;
      await sync(agreement ?? (error.status === 409 ? t('moved') : t('failed.action')));
      return undefined;
    } finally {
      waiting -= 1;
    }
  });
  running = turn.catch((error) => console.error(error));
  return turn;
}

/** Gives up what is under way, such as an answer that waits for a connection: who leaves does not want it sent. */
function giveUp() {
  attempts.abort();
  attempts = new AbortController();
  store.set('pending', null);
  recordings.drop();
  notice.clear();
}

const act = (path, body, words) => notice.patiently(api.action(path, body), { words, signal: attempts.signal });

function showWelcome() {
  const onstart = (texts) => during(async () => {
    await notice.patiently(api.connect);
    for (const { type, sha256 } of texts) await act('/consent', { granted: true, type, textSha256: sha256 });
    const next = await act('/start');
    interview.session = next.session;
    host.emit('started');
    await converse(next);
  });
  const onrefuse = () => during(async () => {
    await notice.patiently(api.connect);
    await act('/consent', { granted: false, type: 'all' });
    show('refused', screens.refused({ strings, interview, onback: () => sync() }));
  });
  show('welcome', screens.welcome({ strings, interview, onstart, onrefuse }));
}

/** Goes on where the interview stands. An answer that was on its way before a reload goes first. */
async function proceed(note) {
  const pending = store.get('pending');
  try {
    const spoken = await recordings.kept();
    let next = null;
    let told = note;
    if (pending) next = await deliver(pending).catch(unlessTaken);
    else if (spoken) {
      next = await deliverAloud(spoken).catch((error) => {
        told = unheard(error)?.text ?? note;
        return unlessTaken(error);
      });
    }
    next ??= await notice.patiently(api.next);
    store.set('pending', null);
    recordings.drop();
    await converse(next, told);
  } catch (error) {
    if (error.name === 'AbortError') return undefined;
    if (error.code === 'SESSION_NOT_ACTIVE') return sync();
    refuse(error);
  }
  return undefined;
}

/** A refused answer is not worth repeating: another one was faster. */
function unlessTaken(error) {
  if (error instanceof ApiError && error.status !== 401) return null;
  throw error;
}

async function converse(next, note) {
  if (next.done) {
    await finish(next);
    return;
  }
  // A host's page that loads keeps its focus.
  const moveFocus = !(host.embedded && main.dataset.screen === undefined);
  if (!conversation) {
    const actions = { answer, answerAloud, mayAnswerAloud, renew, pause, withdraw, leave };
    conversation = createConversation({ strings, interview, store, speech, host, actions });
    show('conversation', conversation.element);
    beat(0);
  }
  seq = next.nextSeq ?? seq + 1;
  conversation.present(next, { moveFocus });
  if (note) remark(note);
}

/** Says something in passing. */
function remark(text) {
  notice.show(text, () => button('secondary', t('dismiss'), notice.clear, { id: 'dismiss' }));
}

/** The next answer's sequence number. */
let seq = 1;

const deliver = ({ body }) => act('/answers', body, t('offline.answer'));

const deliverAloud = (spoken) =>
  notice.patiently(api.spoken(spoken), { words: t('offline.answer'), signal: attempts.signal });

/** Sends an answer until it has arrived. Answers with the words of a refusal that the participant can do something about. */
function answer(prompt, reply) {
  return during(async () => {
    // What came in between may have led elsewhere.
    if (conversation?.prompt?.id !== prompt.id) return undefined;
    const pending = { body: { promptId: prompt.id, seq, ...reply } };
    // Kept until the server has it: a reload in between sends the very same again.
    store.set('pending', pending);
    let next;
    try {
      next = await deliver(pending);
    } catch (error) {
      if (error.status === 422 || error.status === 413) return t('refused_answer');
      // Such as a pause that somebody wants: what was typed is still there when it is over.
      throw error;
    } finally {
      store.set('pending', null);
    }
    store.set('draft', null);
    conversation?.confirm();
    await converse(next);
    return undefined;
  });
}

/** Whether somebody listens, the participant agreed to being recorded, and the browser can record. */
function mayAnswerAloud() {
  return Boolean(interview.speech?.answers) && interview.session?.consent?.recording === true && canRecord();
}

/**
 * What to tell the participant about a recording whose words are not known: the `text`, and whether the same recording is
 * worth another try (`again`); null for any other refusal.
 */
function unheard({ reason, status }) {
  if (reason === 'not_transcribed') return { text: t('speak.failed'), again: true };
  if (reason === 'no_speech' || reason === 'too_short') return { text: t('speak.silent'), again: false };
  if ([413, 415, 422].includes(status)) return { text: t('speak.unusable'), again: false };
  return null;
}

/** Sends a recording until it has arrived. Answers with what to tell the participant where its words are not known. */
function answerAloud(prompt, recording) {
  return during(async () => {
    if (conversation?.prompt?.id !== prompt.id) return undefined;
    const spoken = { promptId: prompt.id, seq, recording };
    // Kept until the server has it: a reload in between sends the very same again.
    recordings.keep(spoken);
    let next;
    try {
      next = await deliverAloud(spoken);
    } catch (error) {
      const refusal = unheard(error);
      if (refusal) return refusal;
      throw error;
    } finally {
      recordings.drop();
    }
    store.set('draft', null);
    conversation?.confirm(next.heard);
    await converse(next);
    return undefined;
  });
}

/** The media of a prompt with fresh addresses. */
async function renew(prompt) {
  const next = await api.next();
  return next.prompt?.id === prompt.id ? next.prompt.media : [];
}

async function finish(next) {
  const closing = next.messages;
  conversation?.wait();
  try {
    const { session } = await act('/complete');
    showFinished(closing, session);
  } catch (error) {
    if (error.code !== 'SESSION_NOT_ACTIVE') throw error;
    // It was ended meanwhile, most likely for its time.
    interview = await notice.patiently(api.interview);
    if (interview.session?.status === 'completed') showFinished(closing);
    else await sync();
  }
}

function pause() {
  return during(async () => {
    await act('/pause');
    host.emit('paused');
    showPaused(false);
  });
}

function showPaused(silent) {
  const onresume = () => during(async () => {
    await act('/resume');
    host.emit('resumed');
    await proceed();
  });
  show('paused', screens.paused({ strings, silent, onresume, onwithdraw: withdraw, onleave: leave }));
}

async function leave() {
  const sure = await ask({
    title: t('leave.title'), text: t('leave.text'), confirm: t('leave.confirm'), cancel: t('stay'), kind: 'danger',
  });
  if (!sure) return;
  giveUp();
  await during(async () => {
    await act('/leave');
    forget('left');
    host.emit('left', { reason: 'participant_left' });
    showEnded();
  });
}

async function withdraw() {
  const begun = !['finished', 'left', 'ended'].includes(main.dataset.screen);
  const sure = await ask({
    title: t('withdraw.title'), text: t(begun ? 'withdraw.running' : 'withdraw.after'), confirm: t('withdraw'),
    cancel: t('withdraw.keep'), kind: 'danger',
  });
  if (!sure) return;
  giveUp();
  await during(async () => {
    await act('/consent', { granted: false, type: 'all' });
    forget('withdrawn');
    if (begun) host.emit('left', { reason: 'consent_withdrawn' });
    showEnded();
  });
}

/** Nothing of what was said stays in this browser. */
function forget(end) {
  for (const key of ['pending', 'draft', 'asked']) store.set(key, null);
  store.set('end', end);
}

function showFinished(closing = [], session = null) {
  if (isWithdrawn()) return showEnded();
  if (store.get('end') !== 'finished') {
    forget('finished');
    host.emit('completed');
  }
  show('finished', screens.finished({ strings, interview, closing, session, speech, onwithdraw: withdraw }));
  if (closing.length) announce(closing.map((line) => line.text).join(' '));
  speech.say(closing);
}

/** Whether consent was withdrawn, here or on another device. */
function isWithdrawn() {
  const { recording, dataProcessing } = interview.session?.consent ?? {};
  return store.get('end') === 'withdrawn' || (recording === false && dataProcessing === false);
}

/** Over without an end: left, withdrawn, or given up while nobody was here. */
function showEnded() {
  const kind = isWithdrawn() ? 'withdrawn' : store.get('end') === 'left' ? 'left' : 'ended';
  if (kind === 'ended') forget('ended');
  const values = { organization: interview.organization.name };
  const actions = kind === 'withdrawn' ? [] : [button('secondary', t('withdraw'), withdraw, { id: 'withdraw' })];
  show(kind, screens.message(t(`${kind}.title`), [t(`${kind}.text`, values), t('close')], ...actions));
}

/** Tells the server that somebody is here, again and again. */
function beat(seconds) {
  clearTimeout(heartbeat);
  heartbeat = setTimeout(pulse, seconds * 1000);
}

function stopHeartbeat() {
  clearTimeout(heartbeat);
  heartbeat = null;
}

async function pulse() {
  if (!conversation) return;
  try {
    const { status, nextHeartbeatIn } = await api.heartbeat();
    if (!conversation) return;
    beat(nextHeartbeatIn ?? 30);
    if (status !== 'in_progress' && !waiting) await during(() => follow(status));
  } catch (error) {
    if (!conversation) return;
    beat(error.retryAfter ?? HEARTBEAT_RETRY);
    if (!error.temporary && !waiting) await during(() => sync());
  }
}

/** Shows what the server says, which is something else than this page shows. */
async function follow(status) {
  if (status !== 'paused') return sync();
  host.emit('paused');
  showPaused(true);
}

/** Somebody looks at the page again: another tab may have gone on meanwhile, or silence may have paused the interview. */
async function returned() {
  const screen = main.dataset.screen;
  if (document.hidden || waiting || !['conversation', 'paused', 'welcome'].includes(screen)) return;
  await during(async () => {
    try {
      if (!conversation) {
        const { session } = await api.interview();
        if ((session?.status ?? 'created') !== (screen === 'paused' ? 'paused' : 'created')) await sync();
        return;
      }
      // A heartbeat also takes up again what only silence had paused.
      const { status } = await api.heartbeat();
      if (status !== 'in_progress') return await follow(status);
      const next = await api.next();
      if (conversation && (next.done || next.prompt?.id !== conversation.prompt?.id)) await converse(next, t('moved'));
    } catch (error) {
      // Without a connection everything stays as it is; the next request will say more.
      if (!error.temporary) throw error;
    }
  });
}

async function boot() {
  main.replaceChildren(screens.loading());
  await speak(preferred(navigator.languages ?? [navigator.language]));
  try {
    interview = await notice.patiently(api.interview);
  } catch (error) {
    refuse(error);
    return;
  }
  await speak(interview.language);
  const fetchLine = interview.speech?.prompts ? api.line : null;
  speech = createSpeech(strings.content, fetchLine);
  top.replaceChildren(...screens.header(interview));
  await showWhereItStands();
}

window.addEventListener('offline', () => {
  if (conversation && !waiting) notice.show(t('offline.idle'));
});
window.addEventListener('online', () => {
  if (!waiting) notice?.clear();
  returned();
});
document.addEventListener('visibilitychange', returned);
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) returned();
});

boot().catch((error) => {
  console.error(error);
}).finally(() => host.emit('ready'));
