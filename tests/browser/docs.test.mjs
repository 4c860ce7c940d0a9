// The API reference at `/docs`.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, picture, startBrowser, startService } from './support.mjs';

// What the library itself draws: its own colours and its own lists.
const NOT_OURS = ['color-contrast', 'select-name', 'label', 'nested-interactive', 'scrollable-region-focusable', 'aria-allowed-attr', 'list', 'listitem', 'button-name'];

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

async function open(page) {
  await page.goto(`${service.url}/docs`);
  await page.waitForFunction(() => document.documentElement.dataset.ready);
}

test('every operation of the contract is there and can be tried', async () => {
  await browser.withPage({}, async (page) => {
    await open(page);
    const contract = await (await fetch(`${service.url}/openapi.yaml`)).text();
    const promised = contract.match(/^ {6}operationId: /gm).length;
    assert.equal(await page.locator('.opblock').count(), promised);
    const nearby = page.locator('#operations-search-nearby');
    await nearby.getByRole('button').first().click();
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().includes('/nearby?')),
      nearby.getByRole('button', { name: 'Execute' }).click(),
    ]);
    assert.equal(answer.status(), 200);
    assert.ok(answer.url().startsWith(service.url), 'it asks the service that it is from');
    await nearby.locator('.live-responses-table').getByText('200').first().waitFor();
  });
});

for (const colorScheme of ['light', 'dark']) {
  test(`anyone can read it: ${colorScheme}`, async () => {
    await browser.withPage({ colorScheme }, async (page) => {
      await open(page);
      await picture(page, `docs-${colorScheme}`);
      await assertAccessible(page, NOT_OURS);
    });
  });
}
