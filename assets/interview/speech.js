// Reading aloud. This file is the page's only contact with voices: whoever adds another source of them keeps to what
// createSpeech returns.

import { h, icon } from './dom.js';

const primary = (tag) => tag.replaceAll('_', '-').split('-')[0].toLowerCase();

/**
 * Reads the interviewer's words aloud: with the server's voice where it has one (`fetchLine` fetches a line as sound), else
 * with a voice of this device, if it has one for the language. Voices that would send the text to somebody else's server
 * are never used. A line that nobody can speak is left to be read.
 *
 * @returns {{available: boolean, on: boolean, toggle: () => void, say: (lines: {utteranceId: string, text: string}[]) => void,
 *   stop: () => void, follow: (listener: () => void) => void}}
 */
export function createSpeech(language, fetchLine = null) {
  const synthesis = window.speechSynthesis ?? null;
  const player = fetchLine ? new Audio() : null;
  let on = false;
  let onchange = () => {};
  // Counts what is said: what belongs to an earlier count is not said any more.
  let count = 0;
  // Ends what is being played.
  let hush = () => {};

  const voice = () =>
    synthesis?.getVoices().find((candidate) => candidate.localService && primary(candidate.lang) === primary(language));

  // Browsers load their voices after the page.
  synthesis?.addEventListener?.('voiceschanged', () => onchange());

  function stop() {
    count += 1;
    synthesis?.cancel();
    hush();
  }

  /**
   * Plays a sound; resolves to whether it came to its end. There is one player for all of them: some browsers let a page
   * play only where somebody has pressed something, and remember that by the player.
   */
  function play(sound) {
    return new Promise((resolve) => {
      const url = URL.createObjectURL(sound);
      let over = false;
      const done = (played) => () => {
        if (over) return;
        over = true;
        Object.assign(player, { onended: null, onerror: null });
        player.pause();
        URL.revokeObjectURL(url);
        resolve(played);
      };
      hush = done(false);
      player.src = url;
      Object.assign(player, { onended: done(true), onerror: done(false) });
      player.play().catch(done(false));
    });
  }

  function speak(text) {
    const chosen = voice();
    if (!chosen) return undefined;
    return new Promise((resolve) => {
      const utterance = new SpeechSynthesisUtterance(text);
      Object.assign(utterance, { voice: chosen, lang: chosen.lang, onend: resolve, onerror: resolve });
      synthesis.speak(utterance);
    });
  }

  async function say(lines) {
    if (!on) return;
    stop();
    const mine = count;
    // All at once, so that one is there when the one before it ends.
    const sounds = lines.map((line) => fetchLine?.(line.utteranceId).catch(() => null));
    for (const [index, line] of lines.entries()) {
      const sound = await sounds[index];
      if (mine !== count) return;
      if (sound && (await play(sound))) continue;
      if (mine !== count) return;
      await speak(line.text);
      if (mine !== count) return;
    }
  }

  return {
    get available() {
      return Boolean(fetchLine) || Boolean(voice());
    },
    get on() {
      return on;
    },
    toggle() {
      on = !on;
      if (!on) stop();
      onchange();
    },
    say,
    stop,
    /** Calls a listener now, and whenever something changes; the last one only. */
    follow(listener) {
      onchange = listener;
      listener();
    },
  };
}

/** A button that turns reading aloud on and off; when it is turned on, `lines()` are read at once. */
export function createVoiceButton(speech, t, lines) {
  const onclick = () => {
    speech.toggle();
    speech.say(lines());
  };
  const element = h('button', { type: 'button', class: 'button quiet', id: 'voice', onclick });
  speech.follow(() => {
    element.hidden = !speech.available;
    element.classList.toggle('on', speech.on);
    element.replaceChildren(icon('sound'), t(speech.on ? 'voice.off' : 'voice.on'));
  });
  return element;
}
