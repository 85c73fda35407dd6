// One input per type of question. Each reads as `{ body, shown }`: what is sent, and what the conversation shows of it;
// or as `{ error }`, the key of what to tell the participant.

import { h } from './dom.js';

/** Answers of more values than this are typed, not chosen. */
const CHOICES = 11;

/** The input for a prompt. `draft` is what was typed before a reload, `ondraft` hears of every change. */
export function createInput(prompt, strings, { draft, ondraft }) {
  switch (prompt.type) {
    case 'rating':
      return rating(prompt, strings);
    case 'multiple_choice':
      return choice(prompt, strings, (prompt.options ?? []).map((option) => ({ value: option, label: option })));
    case 'yes_no': {
      const answers = [[true, 'yes'], [false, 'no']].map(([value, key]) => ({ value, label: strings.t(key) }));
      return choice(prompt, strings, answers, 'pair');
    }
    default:
      return open(prompt, strings, draft, ondraft);
  }
}

/** The words of a question, which stand in its language and not in the page's. */
function question(name, prompt, strings, attributes) {
  return h(name, { class: 'question', id: 'question', lang: strings.content, dir: 'auto', ...attributes }, prompt.text);
}

function hint(prompt, strings, text, kind = null) {
  return h('p', { class: 'hint', id: 'hint' },
    text ? h('span', { class: kind }, `${text} `) : null,
    prompt.required ? null : h('span', {}, strings.t('optional')));
}

function open(prompt, strings, draft, ondraft) {
  const area = h('textarea', {
    id: 'answer', class: 'area', rows: 4, 'aria-describedby': 'hint error', lang: strings.content,
    autocomplete: 'off', placeholder: strings.t('open.placeholder'),
  });
  area.value = draft ?? '';
  const apple = /Mac|iP/.test(navigator.platform);
  // Empty, it stands where the language begins; after that the words decide.
  const turn = () => {
    area.dir = area.value ? 'auto' : strings.contentDirection;
  };
  turn();
  const grow = () => {
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight + 2}px`;
  };
  area.addEventListener('input', () => {
    turn();
    grow();
    ondraft(area.value);
  });
  area.addEventListener('keydown', (event) => {
    // The Enter that ends the composition of a Chinese word is none of ours.
    if (event.key !== 'Enter' || event.isComposing || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    area.form.requestSubmit();
  });
  return {
    element: [
      question('label', prompt, strings, { for: 'answer' }),
      area,
      hint(prompt, strings, strings.t('open.hint', { key: apple ? '⌘' : strings.t('open.key') }), 'keys'),
    ],
    field: area,
    grow,
    focus: (options) => area.focus(options),
    read() {
      const text = area.value.trim();
      return text ? { body: { text }, shown: text } : { error: 'missing.open' };
    },
  };
}

function rating(prompt, strings) {
  const { min, max } = prompt.scale ?? { min: 1, max: 10 };
  const range = strings.t('rating.hint', { min, max });
  if (max - min + 1 > CHOICES) return number(prompt, strings, min, max, range);
  const values = Array.from({ length: max - min + 1 }, (_, index) => min + index);
  const answers = values.map((value) => ({ value, label: strings.number(value) }));
  const input = choice(prompt, strings, answers, 'scale', range);
  return { ...input, read: () => described(input.read(), max, strings) };
}

function described(answer, max, strings) {
  if (answer.error) return answer;
  return { ...answer, shown: strings.t('rating.shown', { value: answer.body.value, max }) };
}

function number(prompt, strings, min, max, range) {
  const field = h('input', {
    id: 'answer', class: 'number', type: 'number', min, max, step: 1, inputmode: min < 0 ? null : 'numeric',
    'aria-describedby': 'hint error', autocomplete: 'off',
  });
  return {
    element: [question('label', prompt, strings, { for: 'answer' }), field, hint(prompt, strings, range)],
    field,
    focus: (options) => field.focus(options),
    read() {
      const value = field.value.trim() === '' ? Number.NaN : Number(field.value);
      if (!Number.isInteger(value) || value < min || value > max) return { error: 'missing.number', values: { min, max } };
      return described({ body: { value } }, max, strings);
    },
  };
}

function choice(prompt, strings, answers, kind = 'list', text = null) {
  const radios = answers.map((_, index) => h('input', { type: 'radio', name: 'answer', id: `answer-${index}`, value: index }));
  const labels = answers.map(({ label }, index) =>
    h('label', { class: 'choice', for: `answer-${index}` },
      radios[index],
      h('span', kind === 'list' ? { lang: strings.content, dir: 'auto' } : {}, label)));
  const group = h('fieldset', { class: 'fieldset', 'aria-describedby': 'hint error' },
    question('legend', prompt, strings),
    h('div', { class: `choices ${kind}` }, labels),
    hint(prompt, strings, text));
  return {
    element: [group],
    field: group,
    focus: (options) => (radios.find((radio) => radio.checked) ?? radios[0])?.focus(options),
    read() {
      const index = radios.findIndex((radio) => radio.checked);
      if (index < 0) return { error: 'missing.choice' };
      return { body: { value: answers[index].value }, shown: answers[index].label };
    },
  };
}
