// A service over real places, a browser, and what every page must hold: no word on the console, no request to
// another host.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const ROOT = new URL('../..', import.meta.url).pathname;
const NEARBY = process.env.NEARBY_BIN ?? join(ROOT, 'target/debug/nearby');
const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Where pictures go. */
export const PICTURES = join(ROOT, 'target/browser');
export const PATIENCE_MS = 60_000;

/** Starts the service over the towns of some countries and a collection with attributes of every kind. */
export async function startService({ origins = '' } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'nearby-browser-'));
  const url = `sqlite:${join(folder, 'places.gpkg')}`;
  const nearby = (...args) => execFileSync(NEARBY, [...args, '--database-url', url], { stdio: ['ignore', 'ignore', 'inherit'] });
  const places = gunzipSync(readFileSync(join(ROOT, 'data/geonames-places.csv.gz'))).toString();
  const [head, ...lines] = places.split('\n');
  writeFileSync(join(folder, 'places.csv'), [head, ...lines.filter((line) => /,(GR|FJ|BG|AL|NO),/.test(line))].join('\n'));
  nearby('migrate', 'up');
  nearby('import', join(folder, 'places.csv'));
  execFileSync('sqlite3', [join(folder, 'places.gpkg'), `
    CREATE TABLE cafes (cafe_id INTEGER PRIMARY KEY, title TEXT NOT NULL, lat REAL, lon REAL, country_code TEXT,
      town TEXT, kind TEXT, rating REAL, wheelchair INTEGER, opened TEXT);
    INSERT INTO cafes SELECT id, 'Café ' || name, latitude + 0.01, longitude + 0.01, country, name,
      CASE id % 3 WHEN 0 THEN 'bakery' WHEN 1 THEN 'roastery' END, id % 50 / 10.0, id % 2,
      date('2000-01-01', '+' || (id % 9000) || ' days') FROM diving_centers WHERE id % 2 = 0`]);
  writeFileSync(join(folder, 'collections.toml'), `
    [collections.cafes]
    table = "cafes"
    id = "cafe_id"
    name = "title"
    latitude = "lat"
    longitude = "lon"
    country = "country_code"
    city = "town"
    [collections.cafes.attributes]
    kind = "text"
    rating = "number"
    wheelchair = "boolean"
    opened = "date"`);
  const args = ['serve', '--bind', '127.0.0.1:0', '--database-url', url, '--collections', join(folder, 'collections.toml')];
  if (origins) args.push('--cors-origins', origins);
  const server = spawn(NEARBY, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const log = [];
  const port = await new Promise((resolve, reject) => {
    let found;
    server.on('exit', (code) => reject(new Error(`the service ended with ${code}:\n${log.join('\n')}`)));
    createInterface({ input: server.stderr }).on('line', (line) => {
      log.push(line);
      found ??= /listening address=127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (found && / ready$/.test(line)) resolve(found);
    });
  });
  server.removeAllListeners('exit');
  return {
    url: `http://127.0.0.1:${port}`,
    async get(path) {
      const answer = await fetch(`${this.url}${path}`);
      assert.equal(answer.status, 200, path);
      return answer.json();
    },
    async stop() {
      const ended = new Promise((resolve) => { server.once('exit', resolve); });
      server.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.mjs': 'text/javascript' };

/** Serves a folder, or pages by their paths, as any web server would. */
export async function startFiles(folder, pages = {}) {
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://files').pathname.replace(/\/$/, '/index.html');
    const page = pages[path];
    try {
      const body = page ? page.body : readFileSync(join(folder, path));
      response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', ...page?.headers }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  };
}

export async function startBrowser() {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    // Maps are drawn without a graphics card.
    args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
  });
  return {
    /** Runs `use` with a page, and holds the page to its word afterwards. `allowed` are words on the console that belong there. */
    async withPage(options, use) {
      const { allowed = [], ...wanted } = options;
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...wanted });
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      const faults = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) faults.push(`${message.type()}: ${message.text()}`);
      });
      page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
      page.on('request', (request) => {
        const { protocol, hostname } = new URL(request.url());
        if (!['data:', 'blob:'].includes(protocol) && hostname !== '127.0.0.1') faults.push(`a request to ${request.url()}`);
      });
      try {
        await use(page);
        const left = faults.filter((fault) => !allowed.some((words) => fault.includes(words)));
        assert.deepEqual(left, []);
      } catch (error) {
        mkdirSync(PICTURES, { recursive: true });
        await page.screenshot({ path: join(PICTURES, 'failed.png') }).catch(() => {});
        if (faults.length) error.message += `\nThe page said: ${faults.join('; ')}`;
        throw error;
      } finally {
        await context.close();
      }
    },
    stop: () => browser.close(),
  };
}

/** Keeps a picture of a page. */
export async function picture(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

/** Finds what keeps people from using a page. Rules in `except` are about what is not ours. */
export async function assertAccessible(page, except = []) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async (rules) => {
    const off = Object.fromEntries(rules.map((rule) => [rule, { enabled: false }]));
    const { violations } = await globalThis.axe.run(document, { rules: off });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`);
  }, except);
  assert.deepEqual(violations, []);
}

/** Waits until something is so. */
export async function eventually(what, so) {
  const end = Date.now() + PATIENCE_MS;
  let last;
  while (Date.now() < end) {
    try {
      if (await so()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw last ?? new Error(`still not so: ${what}`);
}
