// Words, numbers and times in the language of the interview.

/** The languages that the page speaks; the first is what the others fall back to. */
export const LANGUAGES = ['en', 'de', 'fr', 'es', 'ar', 'zh'];

const RIGHT_TO_LEFT = ['ar', 'fa', 'he', 'ur', 'ps', 'sd', 'ug', 'yi', 'dv', 'ckb'];

function canonical(language) {
  try {
    return Intl.getCanonicalLocales(String(language).replaceAll('_', '-'))[0] ?? LANGUAGES[0];
  } catch {
    return LANGUAGES[0];
  }
}

const primary = (locale) => locale.split('-')[0];

/** The first language of the browser that the page speaks: for what has to be said before the interview is known. */
export function preferred(languages) {
  const known = languages.map(canonical).find((locale) => LANGUAGES.includes(primary(locale)));
  return known ?? LANGUAGES[0];
}

/** Loads the words for a language tag such as `de-AT`. */
export async function loadStrings(language) {
  const content = canonical(language);
  const known = LANGUAGES.includes(primary(content));
  const locale = known ? content : LANGUAGES[0];
  const response = await fetch(new URL(`./i18n-${primary(locale)}.json`, import.meta.url), { credentials: 'omit' });
  if (!response.ok) throw new Error(`no words for ${locale}`);
  return createStrings(await response.json(), locale, content);
}

/** `locale` is what the page speaks, `content` what the interview is held in. */
export function createStrings(words, locale, content) {
  const number = new Intl.NumberFormat(locale);
  const direction = (tag) => (RIGHT_TO_LEFT.includes(primary(tag)) ? 'rtl' : 'ltr');
  const show = (value) => (typeof value === 'number' ? number.format(value) : String(value));
  const unit = (name, value) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'long' }).format(value);
  const list = new Intl.ListFormat(locale, { type: 'unit', style: 'narrow' });
  return {
    locale,
    content,
    direction: direction(locale),
    contentDirection: direction(content),
    /** The words of a key, with its placeholders filled. */
    t: (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => show(values[name])),
    number: (value) => number.format(value),
    minutes: (value) => unit('minute', value),
    seconds: (value) => unit('second', value),
    /** Seconds as a clock shows them. */
    clock(seconds) {
      const two = new Intl.NumberFormat(locale, { minimumIntegerDigits: 2 });
      return `${number.format(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
    },
    /** Seconds in words. */
    duration(seconds) {
      if (seconds < 60) return unit('second', seconds);
      const rest = seconds % 60;
      const parts = [unit('minute', Math.floor(seconds / 60)), rest ? unit('second', rest) : null];
      return list.format(parts.filter(Boolean));
    },
    date: (iso) => new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short' }).format(new Date(iso)),
    /** The name of a language in the page's own. */
    language(tag) {
      try {
        return new Intl.DisplayNames(locale, { type: 'language' }).of(canonical(tag)) ?? tag;
      } catch {
        return tag;
      }
    },
    languageDirection: (tag) => direction(canonical(tag)),
  };
}
