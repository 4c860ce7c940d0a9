/**
 * <nearby-centers>: what is close to a point, as a list and a small map, on any page.
 *
 *   <script type="module" src="https://nearby.example/widget.js"></script>
 *   <nearby-centers lat="37.98" lng="23.73" radius-km="25" limit="10"></nearby-centers>
 *
 * Attributes, and properties of the same names in camel case: `lat`, `lng`, `radius-km` (25), `nearest` (however far),
 * `limit` (10), `collection`, `country`, `region`, `city`, `filter` (CQL2), `units` (`metric` or `imperial`), `lang`,
 * `geolocate` (asks the browser where the reader is), `no-map`, `src` (the service; where this file is from).
 * Events: `nearby-load`, `nearby-select`, `nearby-locate`, `nearby-error`. Method: `refresh()`.
 * States, as `:state(…)` in CSS and in `state`: idle, loading, ready, empty, waiting, offline, error.
 * Slots: `heading`, `footer`, and one by the name of each state that has a message.
 * Parts: `map`, `list`, `item`, `button`, `name`, `place`, `distance`, `message`, `retry`.
 */

const TEXTS = {
  en: {
    idle: 'No place is given.', loading: 'Looking around …', empty: 'Nothing is close to this place.',
    waiting: 'The service is busy. Trying again …', offline: 'No connection. Trying again …', error: 'This did not work.',
    retry: 'Try again', map: 'Map of {count} places around the point that is searched', north: 'N',
  },
  el: {
    idle: 'Δεν δόθηκε τόπος.', loading: 'Αναζήτηση …', empty: 'Τίποτα κοντά σε αυτό το σημείο.',
    waiting: 'Η υπηρεσία είναι απασχολημένη. Νέα προσπάθεια …', offline: 'Χωρίς σύνδεση. Νέα προσπάθεια …',
    error: 'Αυτό δεν πέτυχε.', retry: 'Νέα προσπάθεια', map: 'Χάρτης {count} τόπων γύρω από το σημείο αναζήτησης', north: 'Β',
  },
};
const NUMBERS = ['lat', 'lng', 'radius-km', 'limit'];
const WORDS = ['collection', 'country', 'region', 'city', 'filter', 'units', 'src'];
const SWITCHES = ['nearest', 'geolocate', 'no-map'];
const MESSAGES = ['idle', 'loading', 'empty', 'waiting', 'offline', 'error'];

/** Regions that measure roads in miles. */
const IMPERIAL = /-(US|GB|LR|MM)\b/;
const METRES_A_MILE = 1609.344;
const METRES_A_FOOT = 0.3048;

/** Attributes that are set one after the other make one request. */
const SETTLE_MS = 120;
const MAX_TRIES = 6;
const MIN_WAIT_S = 1;
const MAX_WAIT_S = 60;

const RADIANS = Math.PI / 180;
/** Half the width of the map in its own units, and how far out what is farthest may be drawn. */
const HALF = 100;
const REACH = 84;

const STYLE = `
:host { --nearby-accent: #b93a10; --nearby-line: color-mix(in srgb, currentColor 16%, transparent); --nearby-soft: color-mix(in srgb, currentColor 68%, transparent);
  display: block; container-type: inline-size; font: inherit; line-height: 1.4; }
:host([hidden]), [hidden] { display: none; }
@media (prefers-color-scheme: dark) { :host { --nearby-accent: #ff8b61; } }
.both { display: grid; gap: 1rem 1.5rem; align-items: start; }
@container (min-width: 32rem) { .both.mapped { grid-template-columns: minmax(10rem, 2fr) 3fr; } }
svg { display: block; width: 100%; max-width: 22rem; margin: auto; overflow: visible; }
.ring { fill: none; stroke: var(--nearby-line); }
.edge { fill: var(--nearby-accent); fill-opacity: .06; stroke: var(--nearby-accent); stroke-opacity: .6; }
.origin { fill: var(--nearby-accent); }
.dot { fill: currentColor; cursor: pointer; }
.lit { fill: var(--nearby-accent); }
text { fill: var(--nearby-soft); font-size: 7px; text-anchor: middle; }
ol { list-style: none; margin: 0; padding: 0; }
li + li { border-top: 1px solid var(--nearby-line); }
li button { all: unset; box-sizing: border-box; cursor: pointer; display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; width: 100%; padding: .5rem .25rem; border-radius: .35rem; }
button:focus-visible { outline: 2px solid var(--nearby-accent); outline-offset: 2px; }
.distance { font-variant-numeric: tabular-nums; white-space: nowrap; color: var(--nearby-soft); }
li.lit .distance { color: var(--nearby-accent); }
.place { grid-column: 1 / -1; font-size: .875em; color: var(--nearby-soft); }
.stale { opacity: .5; }
.message { color: var(--nearby-soft); padding: .5rem 0; }
.retry { font: inherit; color: var(--nearby-accent); background: none; border: 0; padding: 0; margin-left: .5em; cursor: pointer; text-decoration: underline; }
`;

class NearbyCenters extends HTMLElement {
  static observedAttributes = [...NUMBERS, ...WORDS, ...SWITCHES, 'lang'];

  #state = 'idle';
  #centers = [];
  #origin = null;
  #radius = null;
  #located = null;
  #settling;
  #waiting;
  #asking = new AbortController();
  #internals = this.attachInternals();
  #parts = {};
  #back = () => this.#state === 'offline' && this.refresh();

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    const { messages, list, map, both } = this.#parts = {
      both: make('div', { class: 'both' }),
      map: make('div', { part: 'map' }),
      list: make('ol', { part: 'list' }),
      messages: make('div', { class: 'message', part: 'message', role: 'status' }),
    };
    both.append(map, list);
    root.append(make('slot', { name: 'heading' }), messages, both, make('slot', { name: 'footer' }));
    for (const state of MESSAGES) {
      const slot = make('slot', { name: state, hidden: '' });
      messages.append(slot);
      this.#parts[state] = slot;
    }
    this.#parts.retry = make('button', { class: 'retry', part: 'retry', type: 'button', hidden: '' });
    this.#parts.retry.addEventListener('click', () => this.refresh());
    messages.append(this.#parts.retry);
  }

  connectedCallback() {
    // Properties that were set before this file was loaded stand in the way of the accessors.
    for (const name of Object.getOwnPropertyNames(this)) {
      if (!(name in NearbyCenters.prototype)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
    addEventListener('online', this.#back);
    this.#enter(this.#state);
    if (this.geolocate) this.#locate();
    this.#soon();
  }

  disconnectedCallback() {
    removeEventListener('online', this.#back);
    this.#stop();
  }

  attributeChangedCallback(name, before, now) {
    if (before === now || !this.isConnected) return;
    if (name === 'units' || name === 'lang' || name === 'no-map') {
      this.#enter(this.#state);
      return this.#draw();
    }
    if (name === 'lat' || name === 'lng') this.#located = null;
    if (name === 'geolocate' && now !== null) this.#locate();
    this.#soon();
  }

  /** What is shown: one of the states. */
  get state() { return this.#state; }

  /** What was found, nearest first. */
  get centers() { return [...this.#centers]; }

  /** Asks again, now. */
  refresh() {
    this.#stop();
    return this.#ask();
  }

  #stop() {
    clearTimeout(this.#settling);
    clearTimeout(this.#waiting);
    this.#asking.abort();
  }

  #soon() {
    this.#stop();
    this.#settling = setTimeout(() => this.#ask(), SETTLE_MS);
  }

  #url() {
    const { collection, nearest } = this;
    const way = nearest ? 'nearest' : 'nearby';
    const base = new URL(this.src || new URL('.', import.meta.url), document.baseURI);
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    const url = new URL(collection ? `collections/${encodeURIComponent(collection)}/${way}` : way, base);
    const { lat, lng } = this.#located ?? { lat: this.getAttribute('lat'), lng: this.getAttribute('lng') };
    const asked = { lat, lng, limit: this.getAttribute('limit') ?? 10 };
    if (!nearest) asked.radius_km = this.getAttribute('radius-km') ?? 25;
    for (const name of ['country', 'region', 'city', 'filter']) asked[name] = this[name] || null;
    for (const [name, value] of Object.entries(asked)) if (value !== null) url.searchParams.set(name, value);
    return url;
  }

  async #ask(tries = 1) {
    const isPlaced = this.#located || (this.hasAttribute('lat') && this.hasAttribute('lng'));
    if (!isPlaced) return this.#enter(this.geolocate ? 'loading' : 'idle');
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#enter('loading');
    const again = (state, seconds) => {
      if (signal.aborted) return;
      if (tries >= MAX_TRIES) return this.#fail(state, null);
      this.#enter(state);
      const wait = Math.min(MAX_WAIT_S, Math.max(MIN_WAIT_S, seconds ?? 2 ** tries));
      this.#waiting = setTimeout(() => this.#ask(tries + 1), wait * 1000);
    };
    let answer, body;
    try {
      answer = await fetch(this.#url(), { signal, headers: { Accept: 'application/json' } });
      body = await answer.json().catch((error) => { if (answer.ok) throw error; return {}; });
    } catch (error) {
      return again('offline', null);
    }
    if (signal.aborted) return;
    if (answer.status === 429 || answer.status === 503) return again('waiting', secondsOf(answer.headers.get('Retry-After')));
    if (!answer.ok) return this.#fail('error', body);
    this.#centers = body.centers;
    this.#origin = body.origin;
    this.#radius = body.radius_m;
    this.#enter(body.centers.length ? 'ready' : 'empty');
    this.#draw();
    this.#tell('load', { centers: this.centers, origin: body.origin, next: body.next });
  }

  #fail(state, problem) {
    this.#centers = [];
    this.#draw();
    this.#enter(state, problem?.detail);
    this.#parts.retry.hidden = false;
    this.#tell('error', { problem });
  }

  #locate() {
    if (!navigator.geolocation) return this.#tell('error', { problem: null });
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      this.#located = { lat: coords.latitude, lng: coords.longitude };
      this.#tell('locate', this.#located);
      this.refresh();
    }, (error) => {
      // Where the page says a place as well, that one goes.
      if (!(this.hasAttribute('lat') && this.hasAttribute('lng'))) this.#enter('idle');
      this.#tell('error', { problem: { detail: error.message } });
    });
  }

  #tell(what, detail) {
    this.dispatchEvent(new CustomEvent(`nearby-${what}`, { detail, bubbles: true, composed: true }));
  }

  #enter(state, words) {
    const states = this.#internals.states;
    states?.delete(this.#state);
    states?.add(state);
    this.#state = state;
    const isStale = state !== 'ready' && this.#centers.length > 0;
    for (const name of MESSAGES) {
      const slot = this.#parts[name];
      // What was found before stays while it is asked again.
      slot.hidden = name !== state || (state === 'loading' && isStale);
      slot.textContent = words && name === state ? words : this.#text(name);
    }
    this.#parts.messages.hidden = state === 'ready' || (state === 'loading' && isStale);
    this.#parts.retry.hidden = true;
    this.#parts.retry.textContent = this.#text('retry');
    this.#parts.both.classList.toggle('stale', isStale);
    this.setAttribute('aria-busy', String(state === 'loading'));
  }

  // ---------- what is seen ----------

  get #language() {
    const tag = this.closest('[lang]')?.lang || navigator.language;
    try {
      return Intl.getCanonicalLocales(tag)[0] ?? 'en';
    } catch {
      return 'en';
    }
  }

  #text(name, gaps = {}) {
    const texts = TEXTS[this.#language.slice(0, 2)] ?? TEXTS.en;
    return texts[name].replace(/\{(\w+)\}/g, (_, gap) => gaps[gap]);
  }

  #distance(metres) {
    const isImperial = this.units ? this.units === 'imperial' : IMPERIAL.test(`${this.#language} ${navigator.language}`);
    const unit = (value, name, digits) => new Intl.NumberFormat(this.#language, {
      style: 'unit', unit: name, maximumFractionDigits: digits,
    }).format(value);
    const [large, small, names] = isImperial
      ? [METRES_A_MILE, METRES_A_FOOT, ['mile', 'foot']]
      : [1000, 1, ['kilometer', 'meter']];
    if (metres < large / 10 || (!isImperial && metres < large)) return unit(metres / small, names[1], 0);
    return unit(metres / large, names[0], metres < 10 * large ? 1 : 0);
  }

  #country(code) {
    if (!/^[A-Z]{2}$/.test(code ?? '')) return code;
    return new Intl.DisplayNames([this.#language], { type: 'region', fallback: 'code' }).of(code);
  }

  #draw() {
    const { list, map, both } = this.#parts;
    const isMapped = !this.noMap && this.#centers.length > 0;
    both.hidden = !this.#centers.length;
    both.classList.toggle('mapped', isMapped);
    const dots = isMapped ? this.#drawMap() : [];
    map.hidden = !isMapped;
    list.replaceChildren(...this.#centers.map((center, place) => this.#item(center, dots[place])));
  }

  #item(center, dot) {
    const item = make('li', { part: 'item' });
    const button = make('button', { part: 'button', type: 'button' });
    const where = [...new Set([center.city, center.region, this.#country(center.country)])].filter((part) => part && part !== center.name);
    button.append(
      make('span', { part: 'name' }, center.name ?? `#${center.id}`),
      make('span', { part: 'distance', class: 'distance' }, this.#distance(center.distance_m)),
      make('span', { part: 'place', class: 'place' }, where.join(', ')),
    );
    item.append(button);
    const select = () => this.#tell('select', center);
    const light = (isLit) => () => [item, dot].forEach((element) => element?.classList.toggle('lit', isLit));
    button.addEventListener('click', select);
    dot?.addEventListener('click', select);
    for (const element of [item, dot]) {
      element?.addEventListener('pointerenter', light(true));
      element?.addEventListener('pointerleave', light(false));
    }
    button.addEventListener('focus', light(true));
    button.addEventListener('blur', light(false));
    return item;
  }

  /** Draws all by direction and distance from the origin, which is what is asked about. Gives the dots. */
  #drawMap() {
    // As far as something was found: circles that are mostly empty tell little.
    const found = this.#centers.at(-1).distance_m * 1.1;
    const farthest = Math.min(this.#radius ?? Infinity, found) || 1;
    const scale = REACH / farthest;
    const map = svg('svg', {
      viewBox: `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`, role: 'img',
      'aria-label': this.#text('map', { count: this.#centers.length }),
    });
    const half = farthest / 2;
    map.append(
      svg('circle', { class: farthest === this.#radius ? 'edge' : 'ring', r: REACH }),
      svg('circle', { class: 'ring', r: REACH / 2 }),
      svg('text', { y: -REACH - 4 }, this.#text('north')),
      svg('text', { y: REACH / 2 - 3 }, this.#distance(half)),
      svg('text', { y: REACH - 3 }, this.#distance(farthest)),
    );
    const dots = this.#centers.map((center) => {
      const bearing = bearingOf(this.#origin, center);
      const away = center.distance_m * scale;
      const dot = svg('circle', { class: 'dot', r: 3, cx: away * Math.sin(bearing), cy: -away * Math.cos(bearing) });
      dot.append(svg('title', {}, center.name ?? ''));
      return dot;
    });
    // The nearest above all others.
    map.append(...[...dots].reverse(), svg('circle', { class: 'origin', r: 4.5 }));
    this.#parts.map.replaceChildren(map);
    return dots;
  }
}

for (const name of NUMBERS) {
  accessor(name, (element) => (element.hasAttribute(name) ? Number(element.getAttribute(name)) : null),
    (element, value) => put(element, name, value));
}
for (const name of WORDS) {
  accessor(name, (element) => element.getAttribute(name) ?? '', (element, value) => put(element, name, value));
}
for (const name of SWITCHES) {
  accessor(name, (element) => element.hasAttribute(name), (element, value) => element.toggleAttribute(name, Boolean(value)));
}

function accessor(attribute, read, write) {
  const name = attribute.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
  Object.defineProperty(NearbyCenters.prototype, name, {
    configurable: true,
    enumerable: true,
    get() { return read(this); },
    set(value) { write(this, value); },
  });
}

function put(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** `Retry-After`: seconds or a date. */
function secondsOf(text) {
  if (text === null) return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return seconds;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : (date - Date.now()) / 1000;
}

/** The direction of a center from an origin, clockwise from north. */
function bearingOf({ lat, lng }, { latitude, longitude }) {
  const east = (longitude - lng) * RADIANS;
  const [here, there] = [lat * RADIANS, latitude * RADIANS];
  return Math.atan2(Math.sin(east) * Math.cos(there),
    Math.cos(here) * Math.sin(there) - Math.sin(here) * Math.cos(there) * Math.cos(east));
}

function make(name, attributes, words) {
  return filled(document.createElement(name), attributes, words);
}

function svg(name, attributes, words) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, words);
}

function filled(element, attributes, words) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (words !== undefined) element.textContent = words;
  return element;
}

if (!customElements.get('nearby-centers')) customElements.define('nearby-centers', NearbyCenters);

export { NearbyCenters };
