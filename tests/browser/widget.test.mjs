// The widget, on pages of another origin that allow as little as pages can.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { assertAccessible, eventually, picture, startBrowser, startFiles, startService } from './support.mjs';

let files;
let service;
let browser;
const pages = {};
before(async () => {
  files = await startFiles('/nowhere', pages);
  service = await startService({ origins: files.url });
  browser = await startBrowser();
});
after(async () => {
  await browser?.stop();
  await service?.stop();
  await files?.stop();
});

/** A page with the widget, under a policy without anything unsafe. */
async function open(page, markup, { language = 'en' } = {}) {
  pages['/page.html'] = {
    headers: { 'Content-Security-Policy': `default-src 'none'; script-src ${service.url}; connect-src ${service.url}; img-src data:` },
    body: `<!doctype html><html lang="${language}"><head><title>A page</title><link rel="icon" href="data:,">
      <script type="module" src="${service.url}/widget.js"></script></head><body><main><h1>A page</h1>${markup}</main></body></html>`,
  };
  await page.goto(`${files.url}/page.html`);
}

const ATHENS = 'lat="37.9838" lng="23.7275"';
const widget = (page) => page.locator('nearby-centers');
const state = (page) => widget(page).evaluate((element) => element.state);
// Looked at within the page: states may be short.
const reaches = (page, expected) => page.waitForFunction((one) => document.querySelector('nearby-centers')?.state === one, expected);
const names = (page) => page.locator('nearby-centers [part=name]').allTextContents();
const answer = (status, body, headers = {}) => (route) => route.fulfill({
  status, contentType: 'application/json', body: JSON.stringify(body),
  headers: { 'Access-Control-Allow-Origin': files.url, 'Access-Control-Expose-Headers': 'Retry-After', ...headers },
});
const FOUND = { origin: { lat: 37.9, lng: 23.7 }, radius_m: 25000, count: 1, next: null, centers: [{ id: 1, name: 'Found', latitude: 37.95, longitude: 23.7, country: 'GR', region: null, city: null, distance_m: 5559.75 }] };
const NOTHING = { ...FOUND, count: 0, centers: [] };

test('it is one small file', () => {
  const packed = gzipSync(readFileSync(new URL('../../web/widget.js', import.meta.url)), { level: 9 });
  assert.ok(packed.length < 20_000, `${packed.length} bytes`);
});

test('it lists what the service answers, with distances, and draws it', async () => {
  await browser.withPage({}, async (page) => {
    await open(page, `<nearby-centers ${ATHENS} limit="7"><h2 slot="heading">Close by</h2></nearby-centers>`);
    await reaches(page, 'ready');
    const { centers } = await service.get('/nearby?lat=37.9838&lng=23.7275&radius_km=25&limit=7');
    assert.deepEqual(await names(page), centers.map(({ name }) => name));
    assert.equal(await page.locator('nearby-centers [part=distance]').nth(1).textContent(), '1.4 mi');
    assert.equal(await page.locator('nearby-centers svg .dot').count(), 7);
    assert.ok(await page.getByText('Close by').isVisible());
    assert.ok(await widget(page).evaluate((element) => element.matches(':state(ready)')));
    await assertAccessible(page);
    await picture(page, 'widget');
  });
});

test('its attributes are properties, and changes of several make one request', async () => {
  await browser.withPage({}, async (page) => {
    await open(page, `<nearby-centers ${ATHENS}></nearby-centers>`);
    await reaches(page, 'ready');
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await widget(page).evaluate((element) => {
      element.lat = 42.6977;
      element.lng = 23.3219;
      element.radiusKm = 10;
      element.limit = 3;
      element.country = 'BG';
    });
    await eventually('Sofia', async () => (await names(page)).includes('Sofia'));
    assert.equal(asked.length, 1, asked.join(' '));
    const query = new URL(asked[0]).searchParams;
    assert.deepEqual(Object.fromEntries(query), { lat: '42.6977', lng: '23.3219', limit: '3', radius_km: '10', country: 'BG' });
    assert.equal(await widget(page).getAttribute('radius-km'), '10');
    await widget(page).evaluate((element) => { element.nearest = true; element.collection = 'cafes'; element.noMap = true; });
    await eventually('another way', async () => asked.at(-1).includes('/collections/cafes/nearest?'));
    await eventually('no map', async () => !(await page.locator('nearby-centers svg').isVisible()));
  });
});

test('properties that were set before the file was loaded count', async () => {
  await browser.withPage({}, async (page) => {
    await open(page, '');
    await page.waitForFunction(() => customElements.get('nearby-centers'));
    const limit = await page.evaluate(() => {
      const early = document.createElement('nearby-centers');
      Object.defineProperty(early, 'limit', { value: 4, configurable: true, writable: true, enumerable: true });
      document.querySelector('main').append(early);
      return early.getAttribute('limit');
    });
    assert.equal(limit, '4');
  });
});

test('distances are in the units and words of the reader', async () => {
  for (const [locale, language, units, told] of [
    ['en-US', 'en', '', '3.5 mi'], ['en-GB', 'en-GB', '', '3.5 mi'], ['el-GR', 'el', '', '5,6 χλμ.'], ['de-DE', 'de', 'units="imperial"', '3,5 mi'], ['en-US', 'en', 'units="metric"', '5.6 km'],
  ]) {
    await browser.withPage({ locale }, async (page) => {
      await page.route('**/nearby?*', answer(200, FOUND));
      await open(page, `<nearby-centers ${ATHENS} ${units}></nearby-centers>`, { language });
      await reaches(page, 'ready');
      assert.equal(await page.locator('nearby-centers [part=distance]').textContent(), told, `${locale} ${language} ${units}`);
    });
  }
});

test('it says what it waits for, and that nothing is there', async () => {
  await browser.withPage({}, async (page) => {
    await open(page, '<nearby-centers><p slot="idle">Where?</p><p slot="empty">Nobody</p></nearby-centers>');
    await reaches(page, 'idle');
    assert.ok(await page.getByText('Where?').isVisible());
    let go;
    await page.route('**/nearby?*', async (route) => {
      await new Promise((resolve) => { go = resolve; });
      await answer(200, NOTHING)(route);
    });
    await widget(page).evaluate((element) => { element.lat = 0; element.lng = 0; });
    await reaches(page, 'loading');
    assert.equal(await widget(page).getAttribute('aria-busy'), 'true');
    assert.ok(await page.getByText('Looking around').isVisible());
    await eventually('it asks', () => go);
    go();
    await reaches(page, 'empty');
    assert.ok(await page.getByText('Nobody').isVisible());
    await assertAccessible(page);
  });
});

test('what is refused is told in the service\'s words, and can be tried again', async () => {
  await browser.withPage({ allowed: ['Failed to load resource'] }, async (page) => {
    await open(page, '<nearby-centers lat="95" lng="0"></nearby-centers>');
    const told = await page.evaluate(() => new Promise((resolve) => {
      document.addEventListener('nearby-error', ({ detail }) => resolve(detail.problem.parameter), { once: true });
    }));
    assert.equal(told, 'lat');
    assert.equal(await state(page), 'error');
    assert.match(await page.locator('nearby-centers [part=message]').textContent(), /lat/);
    await widget(page).evaluate((element) => { element.setAttribute('no-map', ''); });
    await page.route('**/nearby?*', answer(200, FOUND));
    await widget(page).evaluate((element) => element.refresh());
    await reaches(page, 'ready');
  });
});

test('a busy service is asked again when it says so', async () => {
  for (const [status, after] of [[503, () => '3'], [429, () => new Date(Date.now() + 4000).toUTCString()]]) {
    await browser.withPage({ allowed: ['Failed to load resource'] }, async (page) => {
      const asked = [];
      await page.route('**/nearby?*', (route) => {
        asked.push(Date.now());
        return (asked.length === 1 ? answer(status, {}, { 'Retry-After': after() }) : answer(200, FOUND))(route);
      });
      await open(page, `<nearby-centers ${ATHENS}></nearby-centers>`);
      await reaches(page, 'waiting');
      await reaches(page, 'ready');
      assert.equal(asked.length, 2);
      assert.ok(asked[1] - asked[0] >= 2900, `${asked[1] - asked[0]} ms`);
    });
  }
});

test('offline it waits for the connection, and keeps what it had', async () => {
  await browser.withPage({ allowed: ['Failed to load resource'] }, async (page) => {
    await open(page, `<nearby-centers ${ATHENS}></nearby-centers>`);
    await reaches(page, 'ready');
    const before = await names(page);
    await page.context().setOffline(true);
    await widget(page).evaluate((element) => { element.refresh(); });
    await reaches(page, 'offline');
    assert.deepEqual(await names(page), before);
    await page.context().setOffline(false);
    await reaches(page, 'ready');
  });
});

test('an answer that comes late changes nothing', async () => {
  await browser.withPage({}, async (page) => {
    let late;
    await page.route('**/nearby?*', async (route) => {
      if (!route.request().url().includes('lat=1&')) return answer(200, FOUND)(route);
      await new Promise((resolve) => { late = resolve; });
      return answer(200, NOTHING)(route).catch(() => {});
    });
    await open(page, '<nearby-centers lat="1" lng="1"></nearby-centers>');
    await eventually('it asks', () => late);
    const ended = page.waitForEvent('requestfailed');
    await widget(page).evaluate((element) => { element.lat = 2; });
    await ended;
    await reaches(page, 'ready');
    late();
    await page.waitForTimeout(300);
    assert.deepEqual(await names(page), ['Found']);
    await widget(page).evaluate((element) => { element.lat = 1; });
    await reaches(page, 'loading');
    const gone = page.waitForEvent('requestfailed');
    await eventually('it asks again', async () => (await state(page)) === 'loading' && late);
    await page.waitForTimeout(300);
    await widget(page).evaluate((element) => element.remove());
    await gone;
  });
});

test('it tells the page what it does, and can ask where the reader is', async () => {
  const wanted = { geolocation: { latitude: 42.6977, longitude: 23.3219 }, permissions: ['geolocation'] };
  await browser.withPage(wanted, async (page) => {
    await open(page, '');
    await page.evaluate(() => {
      globalThis.told = [];
      for (const what of ['load', 'select', 'locate']) {
        document.addEventListener(`nearby-${what}`, ({ type, detail }) => globalThis.told.push([type, detail.lat ?? detail.name ?? detail.centers.length]));
      }
      const element = document.createElement('nearby-centers');
      element.toggleAttribute('geolocate');
      element.limit = 2;
      document.querySelector('main').append(element);
    });
    await reaches(page, 'ready');
    await page.getByRole('button', { name: /^Sofia/ }).click();
    assert.deepEqual(await page.evaluate(() => globalThis.told), [['nearby-locate', 42.6977], ['nearby-load', 2], ['nearby-select', 'Sofia']]);
  });
});
