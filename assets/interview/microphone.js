// Answering aloud: records with the microphone of the device, and hands the recording over as a whole.

import { announce, button, h, icon } from './dom.js';

/** What browsers record, the best first. */
const TYPES = ['audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'];
/** Bits per second: plenty for speech. */
const QUALITY = 32_000;
/** Seconds that a recording may take. */
const LONGEST = 600;

/** Whether this browser can record at all; it cannot on pages that are not served securely. */
export function canRecord() {
  return Boolean(navigator.mediaDevices?.getUserMedia) && typeof MediaRecorder === 'function';
}

/** Begins to record. Rejects where the microphone is refused or missing. */
async function record() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const release = () => stream.getTracks().forEach((track) => track.stop());
  try {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: QUALITY });
    const parts = [];
    recorder.addEventListener('dataavailable', ({ data }) => parts.push(data));
    const finished = new Promise((resolve) => {
      // Also where the microphone is pulled out: what was said until then counts.
      recorder.addEventListener('stop', () => {
        release();
        resolve(new Blob(parts, { type: recorder.mimeType }));
      });
    });
    recorder.start(1000);
    return {
      finished,
      stop() {
        if (recorder.state !== 'inactive') recorder.stop();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * The microphone's button, and what it is doing. `onrecord` hears when recording begins, `onsend` gets what was recorded,
 * `onfail` the words for why it cannot be done.
 */
export function createMicrophone({ strings, onrecord, onsend, onfail }) {
  const { t } = strings;
  const speak = h('button', { type: 'button', class: 'button secondary', id: 'speak', onclick: press });
  const discard = button('quiet', t('speak.discard'), drop, { id: 'discard', hidden: true });
  const again = button('quiet', t('speak.again'), () => onsend(kept), { id: 'resend', hidden: true });
  const clock = h('span', { class: 'recording', id: 'recording', hidden: true });
  const element = h('div', { class: 'microphone' }, speak, clock, discard, again);
  let recording = null;
  let ticking = null;
  let asking = false;
  // Counts attempts: a permission that comes after the question is gone opens no microphone.
  let attempt = 0;
  let kept = null;

  function show() {
    speak.classList.toggle('live', Boolean(recording));
    const label = asking ? 'speak.asking' : recording ? 'speak.stop' : 'speak';
    speak.replaceChildren(icon('microphone'), t(label));
    discard.hidden = !recording;
    clock.hidden = !recording;
    again.hidden = Boolean(recording) || !kept;
  }

  async function press() {
    if (recording) {
      recording.stop();
      return;
    }
    if (asking) return;
    const mine = (attempt += 1);
    asking = true;
    show();
    let begun = null;
    try {
      begun = await record();
    } catch {
      // Refused, missing, or in use by another program: there is always the keyboard.
    }
    if (mine !== attempt) {
      begun?.stop();
      return;
    }
    asking = false;
    recording = begun;
    show();
    if (!begun) {
      onfail(t('speak.refused'));
      return;
    }
    onrecord();
    announce(t('speak.started'));
    tick();
    const sound = await begun.finished;
    if (recording !== begun) return;
    end();
    onsend(sound);
  }

  function tick() {
    const since = Date.now();
    const time = () => {
      const seconds = Math.floor((Date.now() - since) / 1000);
      clock.textContent = t('speak.recording', { time: strings.clock(seconds) });
      if (seconds >= LONGEST) recording?.stop();
    };
    ticking = setInterval(time, 500);
    time();
  }

  function end() {
    clearInterval(ticking);
    recording = null;
    asking = false;
    attempt += 1;
    show();
  }

  function drop() {
    cancel();
    announce(t('speak.discarded'));
    speak.focus();
  }

  /** Throws away what is being recorded. */
  function cancel() {
    const begun = recording;
    end();
    begun?.stop();
  }

  show();
  return {
    element,
    cancel,
    /** A recording that the server has, and could not write down, can be tried again. */
    offer(sound) {
      kept = sound;
      show();
    },
  };
}
