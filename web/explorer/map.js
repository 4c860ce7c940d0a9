// The map: land and borders below, then everything there is, the circle, what was found, and the origin above.

import * as maplibregl from '../vendor/maplibre-gl/maplibre-gl.mjs';
import { bounds, rings } from './circle.js';
import { rounded } from './state.js';
import { country, text } from './texts.js';

const STEP_PX = 24;
const MAX_TILE_ZOOM = 22;
const FONT = ['system-ui', 'sans-serif'];
const MAX_FIT_ZOOM = 15;
const EMPTY = { type: 'FeatureCollection', features: [] };

/** Starts the map. `on` is told of `origin(position)`, `hover(place)` and `select(place)`; places are those
 * in what `show` was given. */
export async function start(container, origin, on) {
  const map = new maplibregl.Map({
    container,
    style: style(),
    center: origin,
    zoom: 8,
    minZoom: 1,
    maxZoom: 19,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    locale: { 'Map.Title': text('map'), 'NavigationControl.ZoomIn': text('zoom_in'), 'NavigationControl.ZoomOut': text('zoom_out') },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), 'top-right');
  map.addControl(new maplibregl.AttributionControl({ compact: false, customAttribution: text('attribution') }), 'bottom-right');
  await map.once('load');

  const names = await fetch(file('countries')).then((answer) => answer.json());
  const nameCountries = () => map.getSource('countries').setData(spelled(names));
  nameCountries();

  const marker = originMarker(map, origin, on);
  let lit = null;
  let chosen = null;
  const mark = (place, state) => {
    if (place !== null) map.setFeatureState({ source: 'found', id: place }, state);
  };

  map.on('click', (event) => {
    const place = placeAt(map, event.point);
    const cluster = place === null ? clusterAt(map, event.point) : null;
    if (cluster) map.easeTo({ center: cluster.geometry.coordinates, zoom: cluster.properties.expansion_zoom });
    else if (place === null) on.origin(rounded(event.lngLat));
    else on.select(place);
  });
  map.on('mousemove', (event) => {
    const place = placeAt(map, event.point);
    map.getCanvas().style.cursor = place === null && !clusterAt(map, event.point) ? '' : 'pointer';
    if (place !== lit) on.hover(place);
  });
  map.on('mouseout', () => on.hover(null));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => paint(map));

  let tiles = null;
  return {
    /** Shows all that is in tiles of an address: clusters, and points that stand alone. */
    everything(url, collection) {
      if (url === tiles) return;
      const layers = layersOfTiles(collection);
      if (tiles !== null) {
        layers.forEach(({ id }) => map.removeLayer(id));
        map.removeSource('tiles');
      }
      tiles = url;
      map.addSource('tiles', { type: 'vector', tiles: [url], maxzoom: MAX_TILE_ZOOM });
      layers.forEach((layer) => map.addLayer(layer, 'circle'));
    },
    circle(position, radius_m) {
      marker.setLngLat(position);
      map.getSource('circle').setData(radius_m === null ? EMPTY : area(rings(position, radius_m)));
    },
    show(centers) {
      map.removeFeatureState({ source: 'found' });
      lit = chosen = null;
      map.getSource('found').setData({ type: 'FeatureCollection', features: centers.map(point) });
    },
    light(place) {
      mark(lit, { lit: false });
      mark(place, { lit: true });
      lit = place;
    },
    choose(place) {
      mark(chosen, { chosen: false });
      mark(place, { chosen: true });
      chosen = place;
    },
    /** Shows a circle whole, or points. */
    fit(position, radius_m, points = []) {
      const circle = radius_m === null ? [] : bounds(position, radius_m);
      if (!circle) return map.easeTo({ center: position, zoom: map.getMinZoom(), duration: 500 });
      const box = new maplibregl.LngLatBounds();
      [...circle, [position.lng, position.lat]].forEach((corner) => box.extend(corner));
      points.forEach(({ latitude, longitude }) => box.extend(unwrapped(longitude, latitude, position.lng)));
      return map.fitBounds(box, { padding: padding(container), maxZoom: MAX_FIT_ZOOM, duration: 500 });
    },
    /** Brings a point into view without another zoom. */
    reveal({ latitude, longitude }) {
      const spot = map.project([longitude, latitude]);
      const { clientWidth: width, clientHeight: height } = container;
      const isSeen = spot.x > 40 && spot.y > 40 && spot.x < width - 40 && spot.y < height - 40;
      if (!isSeen) map.easeTo({ center: [longitude, latitude], duration: 400 });
    },
    relabel() {
      nameCountries();
      map.getCanvas().setAttribute('aria-label', text('map'));
      marker.getElement().setAttribute('aria-label', text('origin_marker'));
    },
  };
}

/** Countries by their names in the reader's language. */
function spelled(countries) {
  const features = countries.features.map((feature) => {
    const { name, code } = feature.properties;
    return { ...feature, properties: { ...feature.properties, name: code ? country(code) : name } };
  });
  return { ...countries, features };
}

function padding(container) {
  return Math.round(Math.min(container.clientWidth, container.clientHeight) * 0.08);
}

function unwrapped(longitude, latitude, near) {
  return [longitude + 360 * Math.round((near - longitude) / 360), latitude];
}

function originMarker(map, origin, on) {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = 'origin';
  const marker = new maplibregl.Marker({ element, draggable: true }).setLngLat(origin).addTo(map);
  element.setAttribute('aria-label', text('origin_marker'));
  marker.on('drag', () => on.origin(rounded(marker.getLngLat()), true));
  marker.on('dragend', () => on.origin(rounded(marker.getLngLat())));
  element.addEventListener('keydown', (event) => {
    const move = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const spot = map.project(marker.getLngLat());
    const moved = map.unproject([spot.x + move[0] * STEP_PX, spot.y + move[1] * STEP_PX]);
    on.origin(rounded(moved));
  });
  // A click on it is none on the map.
  element.addEventListener('click', (event) => event.stopPropagation());
  return marker;
}

function placeAt(map, spot) {
  const near = [[spot.x - 6, spot.y - 6], [spot.x + 6, spot.y + 6]];
  return map.queryRenderedFeatures(near, { layers: ['found'] })[0]?.id ?? null;
}

function clusterAt(map, spot) {
  return map.getLayer('clusters') ? (map.queryRenderedFeatures(spot, { layers: ['clusters'] })[0] ?? null) : null;
}

function area(coordinates) {
  return { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates } };
}

function point({ name, latitude, longitude }, place) {
  return { type: 'Feature', id: place, properties: { name: name ?? '', place }, geometry: { type: 'Point', coordinates: [longitude, latitude] } };
}

/** Colours stand in the style sheet, once for light and once for dark. */
function colours() {
  const css = getComputedStyle(document.documentElement);
  return (name) => css.getPropertyValue(`--${name}`).trim();
}

const isMarked = ['any', ['boolean', ['feature-state', 'lit'], false], ['boolean', ['feature-state', 'chosen'], false]];

function paints(colour) {
  return {
    water: { 'background-color': colour('map-water') },
    land: { 'fill-color': colour('map-land'), 'fill-antialias': true },
    coast: { 'line-color': colour('map-coast'), 'line-width': 0.8 },
    borders: { 'line-color': colour('map-border'), 'line-width': 0.8, 'line-dasharray': [3, 2] },
    countries: { 'text-color': colour('map-name'), 'text-halo-color': colour('map-land'), 'text-halo-width': 1.2 },
    others: { 'circle-radius': 2.5, 'circle-color': colour('dot'), 'circle-opacity': 0.5 },
    clusters: {
      'circle-radius': ['interpolate', ['linear'], ['ln', ['get', 'point_count']], 0.7, 9, 9, 18],
      'circle-color': colour('dot'),
      'circle-opacity': 0.1,
      'circle-stroke-color': colour('dot'),
      'circle-stroke-opacity': 0.35,
      'circle-stroke-width': 1,
    },
    counts: { 'text-color': colour('text'), 'text-opacity': 0.75 },
    circle: { 'fill-color': colour('accent'), 'fill-opacity': 0.06 },
    rim: { 'line-color': colour('accent'), 'line-width': 1.25, 'line-opacity': 0.7 },
    found: {
      'circle-radius': ['case', isMarked, 8, 5],
      'circle-color': ['case', isMarked, colour('accent'), colour('dot')],
      'circle-stroke-color': colour('map-land'),
      'circle-stroke-width': 1.5,
    },
    labels: { 'text-color': colour('text'), 'text-halo-color': colour('map-land'), 'text-halo-width': 1.4 },
  };
}

function paint(map) {
  for (const [layer, properties] of Object.entries(paints(colours()))) {
    if (!map.getLayer(layer)) continue;
    for (const [name, value] of Object.entries(properties)) map.setPaintProperty(layer, name, value);
  }
}

function layersOfTiles(collection) {
  const of = paints(colours());
  const layer = (id, type, rest) => ({ id, type, source: 'tiles', 'source-layer': collection, paint: of[id], ...rest });
  return [
    layer('others', 'circle', { filter: ['!', ['has', 'cluster']] }),
    layer('clusters', 'circle', { filter: ['has', 'cluster'] }),
    layer('counts', 'symbol', {
      filter: ['has', 'cluster'],
      layout: {
        'text-field': ['get', 'point_count_abbreviated'],
        'text-font': FONT,
        'text-size': 11,
        'text-allow-overlap': true,
        'text-ignore-placement': true,
      },
    }),
  ];
}

function file(name) {
  return new URL(`../vendor/natural-earth/${name}.geojson`, import.meta.url).href;
}

function style() {
  const of = paints(colours());
  const layer = (id, type, source, rest = {}) => ({ id, type, source, paint: of[id], ...rest });
  return {
    version: 8,
    sources: {
      land: { type: 'geojson', data: file('land'), maxzoom: 9 },
      borders: { type: 'geojson', data: file('borders'), maxzoom: 9 },
      countries: { type: 'geojson', data: EMPTY },
      circle: { type: 'geojson', data: EMPTY },
      found: { type: 'geojson', data: EMPTY },
    },
    layers: [
      { id: 'water', type: 'background', paint: of.water },
      layer('land', 'fill', 'land'),
      layer('coast', 'line', 'land'),
      layer('borders', 'line', 'borders'),
      layer('countries', 'symbol', 'countries', {
        maxzoom: 7,
        layout: {
          'text-field': ['get', 'name'],
          'text-font': FONT,
          'text-size': ['interpolate', ['linear'], ['ln', ['+', 1, ['get', 'size']]], 0, 10, 6, 15],
          'text-max-width': 7,
          'text-letter-spacing': 0.06,
          'symbol-sort-key': ['-', ['get', 'size']],
        },
      }),
      layer('circle', 'fill', 'circle'),
      layer('rim', 'line', 'circle'),
      layer('found', 'circle', 'found', { layout: { 'circle-sort-key': ['-', ['get', 'place']] } }),
      layer('labels', 'symbol', 'found', {
        layout: {
          'text-field': ['get', 'name'],
          'text-font': FONT,
          'text-size': 12,
          'text-variable-anchor': ['left', 'right', 'top', 'bottom'],
          'text-radial-offset': 0.8,
          'text-justify': 'auto',
          'text-optional': true,
          'symbol-sort-key': ['get', 'place'],
        },
      }),
    ],
  };
}
