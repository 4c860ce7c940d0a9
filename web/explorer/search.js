// Names as one types them: a text field and the list of what is called so.

import { get, namesUrl } from './api.js';
import { distance, text } from './texts.js';
import { place } from './list.js';

const WAIT_MS = 80;

/** `ask()` gives the state and the collection that it is about, `choose(center)` takes what was chosen. */
export function start({ form, field, list, ask, choose }) {
  let found = [];
  let active = -1;
  let typing;
  let asking = new AbortController();

  const close = () => {
    list.hidden = true;
    field.setAttribute('aria-expanded', 'false');
    field.removeAttribute('aria-activedescendant');
    active = -1;
  };
  const activate = (index) => {
    active = index;
    [...list.children].forEach((option, at) => option.setAttribute('aria-selected', String(at === index)));
    if (index < 0) return field.removeAttribute('aria-activedescendant');
    list.children[index].scrollIntoView({ block: 'nearest' });
    field.setAttribute('aria-activedescendant', list.children[index].id);
  };
  const take = (index) => {
    const center = found[index];
    if (!center) return;
    field.value = center.name;
    close();
    choose(center);
  };
  const show = (centers) => {
    found = centers.filter(({ latitude }) => latitude !== null);
    const options = found.map((center, index) => option(center, index, () => take(index)));
    list.replaceChildren(...(options.length ? options : [nothing()]));
    list.hidden = false;
    field.setAttribute('aria-expanded', 'true');
    activate(-1);
  };
  const look = async () => {
    asking.abort();
    asking = new AbortController();
    const asked = field.value.trim();
    if (!asked) return close();
    const { state, collection } = ask();
    try {
      const { centers } = await get(namesUrl(asked, state, collection), asking.signal);
      if (document.activeElement === field) show(centers);
    } catch (error) {
      if (error.name !== 'AbortError') close();
    }
  };

  field.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(look, WAIT_MS);
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') return close();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || list.hidden || !found.length) return;
    event.preventDefault();
    activate((active + step + found.length) % found.length);
  });
  field.addEventListener('blur', () => {
    asking.abort();
    clearTimeout(typing);
    close();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!list.hidden) take(Math.max(active, 0));
  });
}

function option(center, index, take) {
  const element = document.createElement('li');
  element.id = `name-${index}`;
  element.role = 'option';
  const name = document.createElement('span');
  name.textContent = center.name;
  const where = document.createElement('small');
  const far = center.distance_m === null ? '' : distance(center.distance_m);
  where.textContent = [place(center), far].filter(Boolean).join(' · ');
  element.append(name, where);
  // Before the field loses the focus, which closes the list.
  element.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    take();
  });
  return element;
}

function nothing() {
  const element = document.createElement('li');
  element.role = 'option';
  element.setAttribute('aria-disabled', 'true');
  element.className = 'nothing';
  element.textContent = text('no_name');
  return element;
}
