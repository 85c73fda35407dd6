// Reading aloud. This file is the page's only contact with voices: whoever adds another source of them keeps to what
// createSpeech returns.

const primary = (tag) => tag.replaceAll('_', '-').split('-')[0].toLowerCase();

/**
 * Reads the interviewer's words aloud with a voice of this device, if it has one for the language. Voices that would
 * send the text to somebody else's server are never used.
 *
 * @returns {{available: boolean, on: boolean, toggle: () => void, say: (lines: string[]) => void, stop: () => void}}
 */
export function createSpeech(language, onchange) {
  const synthesis = window.speechSynthesis ?? null;
  let on = false;

  const voice = () =>
    synthesis?.getVoices().find((candidate) => candidate.localService && primary(candidate.lang) === primary(language));

  // Browsers load their voices after the page.
  synthesis?.addEventListener?.('voiceschanged', () => onchange());

  function stop() {
    synthesis?.cancel();
  }

  return {
    get available() {
      return Boolean(voice());
    },
    get on() {
      return on;
    },
    toggle() {
      on = !on;
      if (!on) stop();
      onchange();
    },
    say(lines) {
      const chosen = voice();
      if (!on || !chosen) return;
      stop();
      for (const line of lines) {
        const utterance = new SpeechSynthesisUtterance(line);
        utterance.voice = chosen;
        utterance.lang = chosen.lang;
        synthesis.speak(utterance);
      }
    },
    stop,
  };
}
