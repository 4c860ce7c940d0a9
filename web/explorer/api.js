// What is sent to the service, and what comes back.

import { appendFilters } from './state.js';

const ROOT = new URL('.', document.baseURI);
export const PAGE_SIZE = 50;
const MAX_FACETS = 5;

/** An answer of the service that is no success. */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? `HTTP ${status}`);
    this.status = status;
    this.code = problem.code;
    this.retryAfter = retryAfter;
  }
}

/** Sends a request. Throws `Refused`, or `TypeError` where the service is out of reach. */
export async function get(url, signal) {
  const answer = await fetch(url, { signal, headers: { Accept: 'application/json' } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, body, Number(answer.headers.get('Retry-After')) || null);
  return body;
}

/** How long the service took for the latest request of a URL, as far as the browser knows. */
export function duration(url, measured) {
  const entry = performance.getEntriesByName(url.href).at(-1);
  performance.clearResourceTimings();
  const told = entry?.serverTiming?.find((part) => part.duration > 0);
  if (told) return told.duration;
  return entry && entry.responseStart > 0 ? entry.responseEnd - entry.requestStart : measured;
}

export async function collections() {
  return (await get(new URL('collections', ROOT))).collections;
}

/** The search that a state asks for. Paths of the default collection need not name it. */
export function searchUrl(state, collection, { facets = [], cursor } = {}) {
  const url = new URL(collection.default ? state.mode : `collections/${collection.name}/${state.mode}`, ROOT);
  url.searchParams.set('lat', state.origin.lat);
  url.searchParams.set('lng', state.origin.lng);
  if (state.mode === 'nearby') url.searchParams.set('radius_m', state.radius_m);
  appendFilters(url.searchParams, state.filters);
  url.searchParams.set('limit', PAGE_SIZE);
  if (cursor) {
    url.searchParams.set('cursor', cursor);
    return url;
  }
  if (state.mode === 'nearby') url.searchParams.set('count', 'true');
  if (facets.length) url.searchParams.set('facets', facets.slice(0, MAX_FACETS).join(','));
  return url;
}

/** The address of tiles with all that filters keep, as maps take it. */
export function tilesUrl(state, collection) {
  const filters = new URLSearchParams();
  appendFilters(filters, state.filters);
  return `${ROOT.href}tiles/${collection.name}/{z}/{x}/{y}.mvt${filters.size ? `?${filters}` : ''}`;
}

export function namesUrl(text, state, collection) {
  const url = new URL(collection.default ? 'search' : `collections/${collection.name}/search`, ROOT);
  url.searchParams.set('q', text);
  url.searchParams.set('lat', state.origin.lat);
  url.searchParams.set('lng', state.origin.lng);
  url.searchParams.set('limit', 8);
  return url;
}

export function itemUrl(id, collection) {
  return new URL(`collections/${collection.name}/items/${id}`, ROOT);
}

/** The one that is nearest, however far. */
export async function nearestTo(origin, collection) {
  const state = { mode: 'nearest', origin, filters: {} };
  const url = searchUrl(state, collection);
  url.searchParams.set('limit', 1);
  return (await get(url)).centers[0];
}
