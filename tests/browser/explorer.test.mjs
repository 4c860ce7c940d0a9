// The explorer at `/`.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, eventually, picture, startBrowser, startService } from './support.mjs';

let service;
let browser;
before(async () => {
  service = await startService();
  browser = await startBrowser();
});
after(async () => {
  await browser?.stop();
  await service?.stop();
});

async function open(page, hash = '') {
  await page.goto(`${service.url}/${hash}`);
  await page.waitForFunction(() => document.documentElement.dataset.ready);
}

const names = (page) => page.locator('#list .name').allTextContents();
const address = (page) => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.hash.slice(1))));

/** The list is what the service answers to what the address of the page says. */
async function assertListIsTheAnswer(page) {
  await eventually('the list is the answer', async () => {
    const { collection, mode, lat, lng, radius_m, ...filters } = await address(page);
    const query = new URLSearchParams({ lat, lng, ...filters, limit: 50, ...(mode === 'nearby' ? { radius_m } : {}) });
    const { centers } = await service.get(`/collections/${collection}/${mode}?${query}`);
    assert.deepEqual(await names(page), centers.map(({ name }) => name));
    return true;
  });
}

test('the list is what the service answers, and a click moves what is searched around', async () => {
  await browser.withPage({}, async (page) => {
    await open(page);
    const { centers } = await service.get('/nearby?lat=37.9838&lng=23.7275&radius_m=25000&limit=50');
    assert.deepEqual(await names(page), centers.map(({ name }) => name));
    assert.equal(await page.locator('#told').textContent(), '102 within 25 km');
    assert.match(await page.locator('#time').textContent(), /^in [\d.,]+ ms$/);

    const before = await page.locator('#origin').inputValue();
    await page.locator('#map canvas').click({ position: { x: 500, y: 200 } });
    await eventually('the origin moved', async () => (await page.locator('#origin').inputValue()) !== before);
    await assertListIsTheAnswer(page);
    const { lat, lng } = await address(page);
    assert.equal(await page.locator('#origin').inputValue(), `${lat}, ${lng}`);

    // The keyboard does what the mouse does.
    await page.locator('.origin').focus();
    await page.keyboard.press('ArrowDown');
    await eventually('it moved south', async () => Number((await address(page)).lat) < Number(lat));
    await assertListIsTheAnswer(page);
  });
});

test('the map shows clusters of everything that filters keep', async () => {
  await browser.withPage({}, async (page) => {
    const tiles = [];
    page.on('response', (response) => {
      const url = new URL(response.url());
      if (url.pathname.startsWith('/tiles/')) tiles.push({ path: url.pathname, query: url.search, status: response.status() });
    });
    await open(page, '#radius_m=100000');
    await eventually('tiles come', async () => tiles.some(({ status }) => status === 200));
    assert.ok(tiles.every(({ path, query }) => path.startsWith('/tiles/centers/') && query === ''));
    await picture(page, 'clusters');
    tiles.length = 0;
    await page.locator('#filters summary').click();
    await page.getByRole('checkbox', { name: /^Greece/ }).check();
    await eventually('tiles of one country come', async () => tiles.some(({ query }) => query === '?country=GR'));
    tiles.length = 0;
    await page.locator('#collection').selectOption('cafes');
    await eventually('tiles of the other collection come', async () => tiles.some(({ path }) => path.startsWith('/tiles/cafes/')));
    assert.ok(tiles.every(({ status }) => status === 200 || status === 204));
  });
});

test('dragging the origin searches on the way', async () => {
  await browser.withPage({}, async (page) => {
    await open(page);
    const { x, y, width, height } = await page.locator('.origin').boundingBox();
    const searches = [];
    page.on('request', (request) => { if (request.url().includes('/nearby?')) searches.push(request.url()); });
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    for (let step = 1; step <= 10; step++) {
      await page.mouse.move(x + step * 15, y - step * 8);
      await page.waitForTimeout(30);
    }
    const onTheWay = searches.length;
    await page.mouse.up();
    assert.ok(onTheWay >= 1, 'it searched while it was dragged');
    await assertListIsTheAnswer(page);
  });
});

test('radius, the nearest, and the address', async () => {
  await browser.withPage({}, async (page) => {
    await open(page, '#lat=-17.7&lng=178.1&mode=nearest');
    await assertListIsTheAnswer(page);
    assert.equal((await names(page))[0], 'Vatukoula');
    assert.ok(await page.locator('#radius-row').isHidden());

    await page.getByText('Within a radius').click();
    await page.locator('#radius').focus();
    await page.keyboard.press('Home');
    await eventually('the least radius', async () => (await page.locator('#told').textContent()) === 'Nothing within 100 m');
    await page.keyboard.press('End');
    await eventually('the globe', async () => (await address(page)).radius_m === '20015000');
    await assertListIsTheAnswer(page);
    const url = page.url();
    await page.goto('about:blank');
    await page.goto(url);
    await page.waitForFunction(() => document.documentElement.dataset.ready);
    assert.equal((await address(page)).radius_m, '20015000');
    await assertListIsTheAnswer(page);

    await page.locator('#origin').fill('nowhere');
    await page.keyboard.press('Enter');
    assert.match(await page.locator('#origin-fault').textContent(), /as in 37.9838, 23.7275/);
    await page.locator('#origin').fill('59.91 370.75');
    await page.keyboard.press('Enter');
    await eventually('Oslo', async () => (await names(page))[0] === 'Oslo');
    assert.equal((await address(page)).lng, '10.75');
  });
});

test('filters are the fields of the collection, with how often each value is there', async () => {
  await browser.withPage({}, async (page) => {
    await open(page, '#radius_m=400000');
    await page.locator('#collection').selectOption('cafes');
    await page.locator('#filters summary').click();
    const bakery = page.getByRole('checkbox', { name: /bakery/ });
    await bakery.check();
    await eventually('the address says so', async () => (await address(page)).kind === 'bakery');
    await assertListIsTheAnswer(page);
    const { lat, lng, radius_m } = await address(page);
    const { total } = await service.get(`/collections/cafes/nearby?lat=${lat}&lng=${lng}&radius_m=${radius_m}&kind=bakery&count=true`);
    await eventually('the count', async () => (await page.locator('#told').textContent()).startsWith(`${total} `));
    assert.ok(await page.getByText(`bakery${total}`, { exact: true }).isVisible());

    await page.getByRole('group', { name: 'Rating' }).getByLabel('from').fill('3');
    await page.keyboard.press('Tab');
    await eventually('a range', async () => (await address(page)).rating === '3..');
    await assertListIsTheAnswer(page);
    await page.getByRole('group', { name: 'Opened' }).getByLabel('to').fill('2010-12-31');
    await page.keyboard.press('Tab');
    await eventually('a range of days', async () => (await address(page)).opened === '..2010-12-31');
    await assertListIsTheAnswer(page);
    await assertAccessible(page);
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await eventually('no filter', async () => (await address(page)).kind === undefined);
    await assertListIsTheAnswer(page);
  });
});

test('names are found as one types them, by keyboard alone', async () => {
  await browser.withPage({}, async (page) => {
    await open(page);
    await page.locator('#name').focus();
    await page.keyboard.type('tromso', { delay: 20 });
    const option = page.getByRole('option').first();
    await eventually('it is found', async () => (await option.textContent()).startsWith('TromsøTroms'));
    await page.keyboard.press('ArrowDown');
    assert.equal(await option.getAttribute('aria-selected'), 'true');
    await page.keyboard.press('Enter');
    await eventually('Tromsø', async () => (await names(page))[0] === 'Tromsø');
    assert.ok(await page.getByRole('listbox', { includeHidden: true }).isHidden());
    await page.locator('#name').fill('xyzzyxyzzy');
    await page.getByText('Nothing is called so').waitFor();
  });
});

test('the list and the map are one', async () => {
  await browser.withPage({}, async (page) => {
    await open(page);
    const first = page.locator('#list li').first();
    await first.locator('button').click();
    await first.getByText('Search around here').waitFor();
    assert.equal(await first.locator('button').first().getAttribute('aria-expanded'), 'true');
    // The second center is on the map where its row says; the mouse above it lights the row.
    const second = page.locator('#list li').nth(1);
    await first.locator('button').first().click();
    const [, center] = (await service.get('/nearby?lat=37.9838&lng=23.7275&radius_m=25000&limit=2')).centers;
    await page.locator('#origin').fill(`${center.latitude}, ${center.longitude}`);
    await page.keyboard.press('Enter');
    await eventually('it is the first now', async () => (await names(page))[0] === center.name);
    assert.ok(await second.isVisible());
    await page.waitForTimeout(800);
    const map = await page.locator('#map').boundingBox();
    let lit = 0;
    for (let x = 60; x < map.width - 60 && !lit; x += 9) {
      await page.mouse.move(map.x + x, map.y + map.height / 2 - 40);
      lit = await page.locator('#list .lit').count();
    }
    assert.equal(lit, 1, 'a center on the map lights its row');
  });
});

test('the request is shown as it was made', async () => {
  await browser.withPage({ permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
    const made = [];
    page.on('request', (request) => { if (request.url().includes('/nearby?')) made.push(request.url()); });
    await open(page);
    await page.locator('#request summary').click();
    assert.equal(await page.locator('#url').textContent(), made.at(-1));
    await page.locator('[data-copies=curl]').click();
    await page.getByText('Copied').first().waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `curl '${made.at(-1)}'`);
  });
});

test('more is shown on request, and my position is where the browser says', async () => {
  const wanted = { geolocation: { latitude: 42.6977, longitude: 23.3219 }, permissions: ['geolocation'] };
  await browser.withPage(wanted, async (page) => {
    await open(page);
    await page.getByRole('button', { name: 'Show more' }).click();
    await eventually('two pages', async () => (await names(page)).length === 100);
    const { centers } = await service.get('/nearby?lat=37.9838&lng=23.7275&radius_m=25000&limit=100');
    assert.deepEqual(await names(page), centers.map(({ name }) => name));
    await page.getByRole('button', { name: 'My position' }).click();
    await eventually('Sofia', async () => (await names(page)).includes('Sofia'));
    assert.equal(await page.locator('#origin').inputValue(), '42.6977, 23.3219');
  });
});

test('what goes wrong is told, and what passes is waited for', async () => {
  await browser.withPage({ allowed: ['Failed to load resource'] }, async (page) => {
    await open(page);
    let tries = 0;
    await page.route('**/nearest?*', (route) => {
      tries += 1;
      const problem = { detail: 'The index is still being loaded; try again in a moment.', code: 'index_loading' };
      if (tries > 1) return route.continue();
      return route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, contentType: 'application/problem+json', body: JSON.stringify(problem) });
    });
    await page.getByText('The nearest', { exact: true }).click();
    await page.getByText('The service is loading its index').waitFor();
    await eventually('it went on by itself', async () => (await page.locator('#told').textContent()) === 'The 50 nearest');
    assert.equal(tries, 2);
    await page.route('**/nearby?*', (route) => route.abort());
    await page.getByText('Within a radius').click();
    await page.getByText('The service does not answer').waitFor();
  });
});

test('it speaks Greek', async () => {
  await browser.withPage({ locale: 'el-GR' }, async (page) => {
    await open(page);
    assert.equal(await page.locator('#told').textContent(), '102 σε ακτίνα 25 χλμ.');
    assert.match(await page.locator('#list .where').first().textContent(), /Ελλάδα$/);
    await page.getByRole('button', { name: 'English' }).click();
    await eventually('English', async () => (await page.locator('#told').textContent()) === '102 within 25 km');
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
    await page.reload();
    await eventually('it is kept', async () => (await page.locator('#told').textContent()) === '102 within 25 km');
  });
});

test('without WebGL all but the map works', async () => {
  await browser.withPage({ allowed: ['the map cannot be drawn'] }, async (page) => {
    await page.addInitScript(() => { HTMLCanvasElement.prototype.getContext = () => null; });
    await open(page);
    await page.getByText('The map cannot be drawn in this browser').waitFor();
    await page.locator('#origin').fill('42.6977, 23.3219');
    await page.keyboard.press('Enter');
    await eventually('Sofia', async () => (await names(page)).includes('Sofia'));
  });
});

for (const [size, viewport] of [['desktop', { width: 1280, height: 800 }], ['phone', { width: 390, height: 844 }]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`anyone can use it: ${size}, ${colorScheme}`, async () => {
      await browser.withPage({ viewport, colorScheme }, async (page) => {
        await open(page);
        // Land, names and the flight to the circle take their time to be drawn.
        await page.waitForTimeout(2500);
        await picture(page, `explorer-${size}-${colorScheme}`);
        await assertAccessible(page);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(wide, 0, 'nothing is wider than the screen');
      });
    });
  }
}
