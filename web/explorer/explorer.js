// The explorer: one state, and the parts of the page that ask for changes of it and show it.

import * as api from './api.js';
import * as filters from './filters.js';
import * as list from './list.js';
import * as request from './request.js';
import * as search from './search.js';
import { MAX_RADIUS_M, MIN_RADIUS_M, parseOrigin, read, rounded, write } from './state.js';
import { distance, keep, number, other, preferred, speak, spoken, text } from './texts.js';

const START = { lat: 37.9838, lng: 23.7275 };
const RADIUS_STEPS = 200;
/** A search that runs longer than this is given up for a newer one. */
const PATIENCE_MS = 250;
const MAX_WAIT_S = 30;

const at = (id) => document.getElementById(id);
const state = { mode: 'nearby', origin: START, radius_m: 25_000, filters: {} };
let collections = [];
let found = [];
let next = null;
let map = null;

const collection = () => collections.find(({ name }) => name === state.collection) ?? collections[0];

// ---------- what was asked changes ----------

function change(part, { fit = false, isMoving = false } = {}) {
  Object.assign(state, part);
  showQuestion();
  if (!isMoving) history.replaceState(null, '', write(state));
  if (fit) fitMap();
  ask();
}

function fitMap() {
  if (state.mode === 'nearby') map?.fit(state.origin, state.radius_m);
}

function showQuestion() {
  const isNearby = state.mode === 'nearby';
  for (const radio of document.querySelectorAll('[name=mode]')) radio.checked = radio.value === state.mode;
  at('radius-row').hidden = !isNearby;
  at('radius').value = stepOf(state.radius_m);
  const told = distance(state.radius_m);
  at('radius').setAttribute('aria-valuetext', told);
  at('radius-told').textContent = told;
  if (document.activeElement !== at('origin')) at('origin').value = `${state.origin.lat}, ${state.origin.lng}`;
  const asked = Object.values(state.filters).flat().length;
  at('filter-count').textContent = asked ? number(asked) : '';
  at('clear').hidden = !asked;
  map?.circle(state.origin, isNearby ? state.radius_m : null);
  map?.everything(api.tilesUrl(state, collection()), collection().name);
}

// Steps of the slider are even in the logarithm, and radii have two digits.
function radiusOf(step) {
  if (Number(step) === RADIUS_STEPS) return MAX_RADIUS_M;
  const radius = MIN_RADIUS_M * (MAX_RADIUS_M / MIN_RADIUS_M) ** (step / RADIUS_STEPS);
  return Number(radius.toPrecision(2));
}

function stepOf(radius_m) {
  return Math.round((RADIUS_STEPS * Math.log(radius_m / MIN_RADIUS_M)) / Math.log(MAX_RADIUS_M / MIN_RADIUS_M));
}

// ---------- searches ----------

let running = null;
let isStale = false;
let retrying;

/** Searches for what the state says now; one search runs at a time, and the latest state is searched last. */
async function ask() {
  if (running) {
    isStale = true;
    if (performance.now() - running.began > PATIENCE_MS) running.control.abort();
    return;
  }
  clearTimeout(retrying);
  isStale = false;
  const facets = at('filters').open ? filters.faceted(collection()) : [];
  const url = api.searchUrl(state, collection(), { facets });
  running = { began: performance.now(), control: new AbortController() };
  const slow = setTimeout(() => document.body.classList.add('searching'), PATIENCE_MS);
  try {
    const answer = await api.get(url, running.control.signal);
    const took = api.duration(url, performance.now() - running.began);
    if (facets.length) counted = answer.facets;
    show(answer, took);
    at('fault').textContent = '';
  } catch (error) {
    if (error.name !== 'AbortError') tellFault(error);
  }
  requestShown.show(url);
  clearTimeout(slow);
  document.body.classList.remove('searching');
  running = null;
  if (isStale) ask();
}

function tellFault(error) {
  const isBusy = error instanceof api.Refused && (error.status === 503 || error.status === 429);
  if (error instanceof api.Refused && !isBusy) {
    show({ centers: [], next: null }, null);
    at('told').textContent = '';
    at('fault').textContent = error.message;
    return;
  }
  at('fault').textContent = isBusy ? (error.code === 'index_loading' ? text('loading') : error.message) : text('offline');
  retrying = setTimeout(ask, 1000 * Math.min(error.retryAfter ?? 3, MAX_WAIT_S));
}

let counted;

function show(answer, took) {
  found = answer.centers;
  next = answer.next;
  shownList.clear();
  shownList.add(found);
  map?.show(found);
  shownFilters.show(counted, state.filters);
  told = { answer, took };
  tell();
}

let told = null;

function tell() {
  if (!told) return;
  const { answer, took } = told;
  const radius = distance(state.radius_m);
  const isNearby = state.mode === 'nearby';
  const count = number(isNearby ? (answer.total ?? answer.count ?? 0) : found.length);
  let key = isNearby ? 'found_within' : 'found_nearest';
  if (!found.length) key = isNearby ? 'found_none' : 'found_nothing';
  else if (isNearby && answer.total === null && next) key = 'found_some';
  at('told').textContent = text(key, { count, radius });
  at('time').textContent = took === null ? '' : text('time', { ms: number(took, took < 10 ? 1 : 0) });
  at('more').hidden = next === null || next === undefined;
}

async function more() {
  const url = api.searchUrl(state, collection(), { cursor: next });
  const before = found;
  try {
    const answer = await api.get(url);
    if (before !== found) return;
    found = [...found, ...answer.centers];
    next = answer.next;
    shownList.add(answer.centers);
    map?.show(found);
    requestShown.show(url);
    tell();
  } catch (error) {
    tellFault(error);
  }
}

// ---------- the parts ----------

function hover(place, from) {
  shownList.light(place, { scroll: from === 'map' });
  map?.light(place);
}

function select(place) {
  shownList.choose(place, collection());
  map?.choose(place);
  if (place !== null && found[place]) map?.reveal(found[place]);
}

function around(center) {
  change({ origin: rounded({ lat: center.latitude, lng: center.longitude }) }, { fit: true });
}

const shownList = list.start(at('list'), { hover: (place) => hover(place, 'list'), select, around });
const requestShown = request.start(at('request'));
const shownFilters = filters.start(at('filter-fields'), (name, values) => {
  const rest = { ...state.filters };
  if (values.length) rest[name] = values;
  else delete rest[name];
  change({ filters: rest });
});

function listen() {
  at('radius').addEventListener('input', ({ target }) => change({ radius_m: radiusOf(target.value) }, { fit: true }));
  for (const radio of document.querySelectorAll('[name=mode]')) {
    radio.addEventListener('change', () => change({ mode: radio.value }, { fit: true }));
  }
  at('collection').addEventListener('change', ({ target }) => {
    state.collection = target.value;
    counted = undefined;
    state.filters = {};
    shownFilters.build(collection(), state.filters);
    change({});
  });
  at('origin').addEventListener('change', ({ target }) => {
    const origin = parseOrigin(target.value);
    at('origin-fault').textContent = origin ? '' : text('origin_fault');
    target.setAttribute('aria-invalid', String(!origin));
    if (origin) change({ origin }, { fit: true });
  });
  at('origin').addEventListener('blur', showQuestion);
  at('filters').addEventListener('toggle', ask);
  at('clear').addEventListener('click', () => {
    change({ filters: {} });
    shownFilters.build(collection(), state.filters);
  });
  at('more').addEventListener('click', more);
  at('language').addEventListener('click', async () => {
    await speak(other().code);
    keep();
    reword();
  });
  addEventListener('hashchange', () => {
    const { filters: asked, ...rest } = read(location.hash);
    Object.assign(state, rest);
    adopt(asked);
    change({}, { fit: true });
  });
  search.start({
    form: at('search'),
    field: at('name'),
    list: at('names'),
    ask: () => ({ state, collection: collection() }),
    choose: around,
  });
  if (navigator.geolocation && isSecureContext) {
    at('my-position').hidden = false;
    at('my-position').addEventListener('click', () => navigator.geolocation.getCurrentPosition(
      ({ coords }) => change({ origin: rounded({ lat: coords.latitude, lng: coords.longitude }) }, { fit: true }),
      () => { at('origin-fault').textContent = text('no_position'); },
    ));
  }
}

/** Takes the filters that the collection knows. */
function adopt(asked) {
  state.collection = collection().name;
  at('collection').value = state.collection;
  const known = filters.fieldsOf(collection()).map(({ name }) => name);
  state.filters = Object.fromEntries(Object.entries(asked).filter(([name]) => known.includes(name)));
  shownFilters.build(collection(), state.filters);
}

/** Says everything again that is in words. */
function reword() {
  const { code, name } = other();
  at('language').textContent = name;
  at('language').lang = code;
  shownFilters.build(collection(), state.filters);
  shownFilters.show(counted, state.filters);
  shownList.clear();
  shownList.add(found);
  map?.relabel();
  showQuestion();
  tell();
}

async function listCollections() {
  for (;;) {
    try {
      collections = await api.collections();
      at('fault').textContent = '';
      return;
    } catch (error) {
      tellFault(error);
      clearTimeout(retrying);
      await new Promise((resolve) => { setTimeout(resolve, 3000); });
    }
  }
}

async function begin() {
  await speak(preferred());
  at('language').textContent = other().name;
  at('language').lang = other().code;
  await listCollections();
  at('collections').hidden = collections.length < 2;
  at('collection').replaceChildren(...collections.map(({ name }) => new Option(name, name)));
  const { filters: asked, ...rest } = read(location.hash);
  Object.assign(state, rest);
  adopt(asked);
  if (Object.values(asked).length) at('filters').open = true;
  if (!rest.origin) await startWhereSomethingIs();
  listen();
  change({});
  try {
    const { start } = await import('./map.js');
    const started = await start(at('map'), state.origin, {
      origin: (origin, isMoving) => change({ origin }, { isMoving }),
      hover: (place) => hover(place, 'map'),
      select,
    });
    map = started;
    map.fit(state.origin, state.mode === 'nearby' ? state.radius_m : null, state.mode === 'nearby' ? [] : found.slice(0, 10));
    map.show(found);
    showQuestion();
  } catch (error) {
    console.warn('the map cannot be drawn', error);
    at('map').textContent = text('map_fault');
  }
  document.documentElement.dataset.ready = spoken();
}

/** Where nothing is near the usual start, what is nearest to it is a better one. */
async function startWhereSomethingIs() {
  try {
    const nearest = await api.nearestTo(START, collection());
    if (nearest && nearest.distance_m > state.radius_m) {
      state.origin = rounded({ lat: nearest.latitude, lng: nearest.longitude });
    }
  } catch {
    // The first search tells what is wrong.
  }
}

begin();
