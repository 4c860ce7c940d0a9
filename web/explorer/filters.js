// Filters by the fields of a collection, with how often each value is there.

import { country, fieldName, number, text } from './texts.js';

const TEXT_FIELDS = ['country', 'region', 'city'];
const SHOWN_VALUES = 8;

/** The fields of a collection that can be filtered by, with their types. */
export function fieldsOf(collection) {
  const own = TEXT_FIELDS.filter((name) => collection.fields.includes(name)).map((name) => ({ name, type: 'text' }));
  return [...own, ...(collection.attributes ?? []).map((attribute) => ({ ...attribute, isAttribute: true }))];
}

/** Those whose values are worth counting; all others are asked for by their range. */
export function faceted(collection) {
  return fieldsOf(collection).filter(({ type }) => type === 'text' || type === 'boolean').map(({ name }) => name);
}

/** Shows the fields. `change(name, values)` takes what is asked of one. */
export function start(container, change) {
  let fields = [];
  return {
    build(collection, filters) {
      fields = fieldsOf(collection).map((field) => {
        const isRange = field.type === 'number' || field.type === 'date';
        return (isRange ? rangeField : valuesField)(field, (values) => change(field.name, values));
      });
      container.replaceChildren(...fields.map(({ element }) => element));
      this.show(null, filters);
    },
    /** What is counted (`undefined` before an answer, `null` where counting takes too long), and what is asked. */
    show(facets, filters) {
      for (const field of fields) field.show(facets, filters[field.name] ?? []);
    },
  };
}

function valuesField({ name, type, isAttribute }, change) {
  const element = fieldset(name);
  const choices = document.createElement('div');
  choices.className = 'choices';
  element.append(choices);
  let asked = [];

  // NULL is a word in parameters of attributes; country, region and city have none for it.
  const parameter = (value) => (value === null ? 'null' : String(value));
  const label = (value) => {
    if (value === 'null' && isAttribute) return text('none');
    if (type === 'boolean') return text(value === 'true' ? 'yes' : 'no');
    return name === 'country' ? country(value) : value;
  };
  const toggle = (value, isAsked) => {
    change(isAsked ? [...asked, value] : asked.filter((one) => one !== value));
  };
  const choice = (value, count) => {
    const wrapper = document.createElement('label');
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = asked.includes(value);
    box.value = value;
    box.addEventListener('change', () => toggle(value, box.checked));
    const words = document.createElement('span');
    words.textContent = label(value);
    wrapper.append(box, words);
    if (count !== undefined) {
      const told = document.createElement('small');
      told.textContent = number(count);
      wrapper.append(told);
    }
    return wrapper;
  };

  return {
    name,
    element,
    show(facets, values) {
      asked = values;
      const focused = choices.contains(document.activeElement) ? document.activeElement.value : null;
      const facet = facets?.[name];
      const counted = (facet?.values ?? [])
        .filter(({ value }) => value !== null || isAttribute)
        .map(({ value, count }) => [parameter(value), count]);
      const missing = asked.filter((value) => !counted.some(([known]) => known === value));
      const shown = [...missing.map((value) => [value, facet ? 0 : undefined]), ...counted];
      const first = shown.filter(([value], index) => index < SHOWN_VALUES || asked.includes(value));
      choices.replaceChildren(...first.map(([value, count]) => choice(value, count)));
      const rest = shown.length - first.length + (facet?.other ? 1 : 0);
      if (rest > 0 || !first.length) {
        const note = document.createElement('p');
        note.textContent = first.length ? '…' : text(facets === null ? 'too_slow' : 'no_values');
        choices.append(note);
      }
      [...choices.querySelectorAll('input')].find((box) => box.value === focused)?.focus();
    },
  };
}

function rangeField({ name, type }, change) {
  const element = fieldset(name);
  const ends = document.createElement('div');
  ends.className = 'ends';
  const end = (key) => {
    const wrapper = document.createElement('label');
    const words = document.createElement('span');
    words.textContent = text(key);
    const field = document.createElement('input');
    field.type = type;
    if (type === 'number') field.step = 'any';
    field.addEventListener('change', () => {
      const [from, to] = [first.value, last.value];
      change(from || to ? [`${from}..${to}`] : []);
    });
    wrapper.append(words, field);
    ends.append(wrapper);
    return field;
  };
  const first = end('from');
  const last = end('to');
  element.append(ends);
  return {
    name,
    element,
    show(_, [range = '..']) {
      const [from, to] = range.split('..');
      if (document.activeElement !== first) first.value = from ?? '';
      if (document.activeElement !== last) last.value = to ?? '';
    },
  };
}

function fieldset(name) {
  const element = document.createElement('fieldset');
  const legend = document.createElement('legend');
  legend.textContent = fieldName(name);
  element.append(legend);
  return element;
}
