// The page's words, in the reader's language: one file a language.

const LANGUAGES = ['en', 'el'];
const KEPT = 'nearby-language';

let words = {};
let language = 'en';

/** The language that was chosen before, else the browser's, else English. */
export function preferred() {
  const asked = [stored(), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return asked.find((one) => LANGUAGES.includes(one)) ?? 'en';
}

export async function speak(chosen) {
  language = LANGUAGES.includes(chosen) ? chosen : 'en';
  const answer = await fetch(new URL(`${language}.json`, import.meta.url));
  words = await answer.json();
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-text]')) {
    element.textContent = text(element.dataset.text);
  }
  for (const element of document.querySelectorAll('[data-label]')) {
    element.setAttribute('aria-label', text(element.dataset.label));
  }
  for (const element of document.querySelectorAll('[data-placeholder]')) {
    element.placeholder = text(element.dataset.placeholder);
  }
}

/** The other language, by its code and its own name. */
export function other() {
  return language === 'en' ? { code: 'el', name: 'Ελληνικά' } : { code: 'en', name: 'English' };
}

export function keep() {
  try {
    localStorage.setItem(KEPT, language);
  } catch {
    // Without storage the browser's language goes.
  }
}

export function spoken() {
  return language;
}

/** A text with its gaps filled. */
export function text(key, gaps = {}) {
  const template = words[key] ?? key;
  return template.replace(/\{(\w+)\}/g, (_, name) => gaps[name]);
}

/** What a field is called: ours have names in every language, attributes their own. */
export function fieldName(name) {
  const known = words[name];
  if (known) return known;
  const plain = name.replaceAll('_', ' ');
  return plain.charAt(0).toLocaleUpperCase(language) + plain.slice(1);
}

export function number(value, digits = 0) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

export function distance(metres) {
  const unit = (value, name, digits) => new Intl.NumberFormat(language, {
    style: 'unit', unit: name, maximumFractionDigits: digits,
  }).format(value);
  if (metres < 1000) return unit(metres, 'meter', 0);
  return unit(metres / 1000, 'kilometer', metres < 10_000 ? 1 : 0);
}

/** A country by its name where its code is known. */
export function country(code) {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  return new Intl.DisplayNames([language], { type: 'region', fallback: 'code' }).of(code);
}

function stored() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}
