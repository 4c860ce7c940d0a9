// What was found, by distance.

import { get, itemUrl } from './api.js';
import { country, distance, fieldName, number, text } from './texts.js';

const SUMMARY = ['id', 'name', 'latitude', 'longitude', 'distance_m', 'country', 'region', 'city', 'match', 'rating_count'];
const NOT_TOLD = [...SUMMARY, 'created_at', 'updated_at', 'view_count', 'logo_url'];

/** Where a center is, in words, without what its name says already. */
export function place(center) {
  const parts = [center.city, center.region, center.country && country(center.country)];
  return [...new Set(parts)].filter((part) => part && part !== center.name).join(', ');
}

/** `on` is told of `hover(place)`, `select(place)` and `around(center)`; places count from 0. */
export function start(list, on) {
  let rows = [];
  let chosen = null;

  const add = (centers) => {
    const first = rows.length;
    const added = centers.map((center, index) => row(center, first + index));
    rows.push(...added);
    list.append(...added.map(({ element }) => element));
  };
  const row = (center, at) => {
    const element = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.setAttribute('aria-expanded', 'false');
    button.append(span('name', center.name ?? `#${center.id}`), span('far', distance(center.distance_m)), span('where', place(center)));
    element.append(button);
    element.addEventListener('pointerenter', () => on.hover(at));
    element.addEventListener('pointerleave', () => on.hover(null));
    button.addEventListener('focus', () => on.hover(at));
    button.addEventListener('blur', () => on.hover(null));
    button.addEventListener('click', () => on.select(at === chosen ? null : at));
    return { element, button, center };
  };

  return {
    clear() {
      rows = [];
      chosen = null;
      list.replaceChildren();
    },
    add,
    light(at, { scroll = false } = {}) {
      rows.forEach(({ element }, index) => element.classList.toggle('lit', index === at));
      if (scroll) rows[at]?.element.scrollIntoView({ block: 'nearest' });
    },
    async choose(at, collection) {
      const before = rows[chosen];
      if (before) {
        before.button.setAttribute('aria-expanded', 'false');
        before.element.querySelector('.more')?.remove();
      }
      chosen = at;
      const now = rows[at];
      if (!now) return;
      now.button.setAttribute('aria-expanded', 'true');
      const more = document.createElement('div');
      more.className = 'more';
      now.element.append(more);
      more.append(...details(now.center, on));
      now.element.scrollIntoView({ block: 'nearest' });
      // What is told of it but not in lists.
      const whole = await get(itemUrl(now.center.id, collection)).catch(() => now.center);
      more.replaceChildren(...details({ ...now.center, ...whole }, on));
    },
  };
}

function details(center, on) {
  const told = Object.entries(center).filter(([name, value]) => value !== null && value !== '' && !NOT_TOLD.includes(name));
  const around = document.createElement('button');
  around.type = 'button';
  around.className = 'quiet';
  around.textContent = text('around_here');
  around.addEventListener('click', () => on.around(center));
  if (!told.length) return [around];
  const terms = document.createElement('dl');
  for (const [name, value] of told) {
    const term = document.createElement('dt');
    term.textContent = fieldName(name);
    const description = document.createElement('dd');
    description.append(valueNode(name, value));
    terms.append(term, description);
  }
  return [terms, around];
}

function valueNode(name, value) {
  const link = linkOf(name, value);
  if (link) {
    const anchor = document.createElement('a');
    anchor.href = link;
    anchor.rel = 'noopener noreferrer';
    anchor.textContent = String(value).replace(/^https?:\/\/|\/$/g, '');
    return anchor;
  }
  if (typeof value === 'boolean') return text(value ? 'yes' : 'no');
  return typeof value === 'number' ? number(value, 3) : String(value);
}

function linkOf(name, value) {
  if (name === 'email') return `mailto:${encodeURIComponent(value)}`;
  if (name === 'phone') return `tel:${String(value).replace(/[^\d+]/g, '')}`;
  return name === 'website' && /^https?:\/\//.test(value) ? value : null;
}

function span(kind, words) {
  const element = document.createElement('span');
  element.className = kind;
  element.textContent = words;
  return element;
}
