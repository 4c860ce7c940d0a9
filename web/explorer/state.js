// What is asked, as it stands in the page's address: names and values are those of the API.

export const MODES = ['nearby', 'nearest'];
export const MIN_RADIUS_M = 100;
export const MAX_RADIUS_M = 20_015_000;

const OWN = ['collection', 'mode', 'lat', 'lng', 'radius_m'];

/** What an address says; what it does not say or says wrong is missing. */
export function read(hash) {
  const asked = new URLSearchParams(hash.replace(/^#/, ''));
  const state = { filters: {} };
  if (asked.get('collection')) state.collection = asked.get('collection');
  if (MODES.includes(asked.get('mode'))) state.mode = asked.get('mode');
  const origin = parseOrigin(`${asked.get('lat')}, ${asked.get('lng')}`);
  if (origin) state.origin = origin;
  const radius = Number(asked.get('radius_m'));
  if (radius >= MIN_RADIUS_M && radius <= MAX_RADIUS_M) state.radius_m = radius;
  for (const [name, value] of asked) {
    if (!OWN.includes(name) && value) (state.filters[name] ??= []).push(value);
  }
  return state;
}

export function write(state) {
  const told = new URLSearchParams({
    collection: state.collection,
    mode: state.mode,
    lat: state.origin.lat,
    lng: state.origin.lng,
    radius_m: state.radius_m,
  });
  appendFilters(told, state.filters);
  return `#${told}`;
}

export function appendFilters(params, filters) {
  for (const [name, values] of Object.entries(filters)) {
    for (const value of values) params.append(name, value);
  }
}

/** Degrees of latitude and longitude with a comma or a blank between them. */
export function parseOrigin(text) {
  const numbers = text.trim().split(/\s*[,;]\s*|\s+/).map((part) => (part === '' ? NaN : Number(part)));
  if (numbers.length !== 2 || !numbers.every(Number.isFinite) || Math.abs(numbers[0]) > 90) return null;
  return rounded({ lat: numbers[0], lng: numbers[1] });
}

/** To a tenth of a metre or so, with the longitude within a turn. */
export function rounded({ lat, lng }) {
  const wrapped = ((((lng + 180) % 360) + 360) % 360) - 180;
  const short = (degrees) => Math.round(degrees * 1e6) / 1e6;
  return { lat: short(Math.max(-90, Math.min(90, lat))), lng: short(wrapped) };
}
