// The examples, as pages of another origin.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, eventually, picture, startBrowser, startFiles, startService } from './support.mjs';

const FOLDER = new URL('../../examples', import.meta.url).pathname;

let files;
let service;
let browser;
before(async () => {
  files = await startFiles(FOLDER);
  service = await startService({ origins: files.url });
  browser = await startBrowser();
});
after(async () => {
  await browser?.stop();
  await service?.stop();
  await files?.stop();
});

const ids = (page) => page.locator('#list li').evaluateAll((items) => items.map(({ dataset }) => Number(dataset.id)));

async function assertAround(page, limit) {
  const { centers } = await service.get(`/nearby?lat=37.9838&lng=23.7275&radius_km=25&limit=${limit}`);
  const expected = centers.map(({ id }) => id);
  await eventually('it shows what the service answers', async () => {
    assert.deepEqual(await ids(page), expected);
    return true;
  });
}

for (const name of ['leaflet', 'maplibre', 'openlayers']) {
  test(`${name}: the list is the answer, and a click searches around another point`, async () => {
    await browser.withPage({}, async (page) => {
      await page.goto(`${files.url}/${name}.html?service=${service.url}`);
      await assertAround(page, 50);
      await picture(page, `example-${name}`);
      const before = await ids(page);
      const asked = page.waitForRequest(/\/nearby\?/);
      await page.locator('#map').click({ position: { x: 400, y: 100 } });
      const query = new URL((await asked).url()).search;
      const { features } = await service.get(`/nearby${query}`);
      await eventually('the list is another', async () => {
        assert.deepEqual(await ids(page), features.map(({ id }) => id));
        return true;
      });
      assert.notDeepEqual(await ids(page), before);
    });
  });
}

test('fetch: the list is the answer', async () => {
  await browser.withPage({}, async (page) => {
    await page.goto(`${files.url}/fetch.html?service=${service.url}`);
    await assertAround(page, 50);
    await assertAccessible(page);
  });
});

test('React: the list is the answer, and another radius asks again', async () => {
  await browser.withPage({}, async (page) => {
    await page.goto(`${files.url}/react/?service=${service.url}`);
    await assertAround(page, 20);
    await page.getByRole('slider').fill('1');
    const { centers } = await service.get('/nearby?lat=37.9838&lng=23.7275&radius_km=1&limit=20');
    await eventually('fewer', async () => (await ids(page)).length === centers.length);
  });
});

test('the widget needs no code', async () => {
  await browser.withPage({}, async (page) => {
    await page.goto(`${files.url}/widget.html?service=${service.url}`);
    const { centers } = await service.get('/nearby?lat=37.9838&lng=23.7275&radius_km=25&limit=10');
    await page.getByRole('button', { name: centers[9].name }).waitFor();
    await picture(page, 'example-widget');
    await assertAccessible(page);
  });
});

test('the first page leads to all others', async () => {
  await browser.withPage({}, async (page) => {
    await page.goto(`${files.url}/`);
    const links = await page.locator('a').evaluateAll((anchors) => anchors.map(({ href }) => href));
    for (const link of links) assert.equal((await fetch(link)).status, 200, link);
    assert.equal(links.length, 6);
  });
});
