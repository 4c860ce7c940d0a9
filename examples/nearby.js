// What the examples have in common: where the service is, and one search.

export const service = new URLSearchParams(location.search).get('service') ?? 'http://127.0.0.1:8080';
export const START = { lat: 37.9838, lng: 23.7275 };
export const RADIUS_M = 25_000;

/** Land as the service has it; on your page, put your tiles in its place. */
export const LAND = `${service}/web/vendor/natural-earth/land.geojson`;

let asking = new AbortController();

/** The centers around a point, as GeoJSON with its origin. A newer search ends the one before. */
export async function around({ lat, lng }) {
  asking.abort();
  asking = new AbortController();
  const url = new URL('/nearby', service);
  url.search = new URLSearchParams({ lat, lng, radius_m: RADIUS_M, limit: 50, format: 'geojson' });
  const answer = await fetch(url, { signal: asking.signal });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

/** Shows what was found as a list. */
export function list({ features }) {
  document.querySelector('#list').replaceChildren(...features.map(({ id, properties: { name, distance_m } }) => {
    const item = document.createElement('li');
    item.dataset.id = id;
    const distance = document.createElement('span');
    distance.textContent = `${(distance_m / 1000).toFixed(1)} km`;
    item.append(name, distance);
    return item;
  }));
}
