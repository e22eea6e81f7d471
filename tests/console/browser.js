// Debian's Chromium, and pages of it that watch what they ask for.
//
//   const browser = await startBrowser();
//   const view = await openPage(browser, server, { width: 360, scheme: 'dark', language: 'ko' });
//   await view.visit('check');
//   view.assertQuiet();  // nothing foreign was asked for, nothing was thrown
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// Of one wait. A busy machine is slow; nothing waits longer than it must.
const PATIENCE_MS = 60000;
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

// Waits until `holds` does. Playwright's own waitForFunction evaluates strings, which the page's
// policy forbids.
export async function until(holds, what = String(holds)) {
  for (const end = Date.now() + PATIENCE_MS; !await holds();) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function startBrowser() {
  const folder = mkdtempSync(join(tmpdir(), 'mannequin-chromium-'));
  const context = await chromium.launchPersistentContext(folder, { executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, args: FLAGS });
  return {
    chromium: context.browser(),
    scratch: await context.newPage(),  // to draw on
    // Contexts of their own, so that no cookie or word of one page is seen by another.
    context,
    async close() {
      await context.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function openPage({ context }, server, { width = 1280, height = 900, scheme = 'light', language = 'en' } = {}) {
  await context.clearCookies();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
  await page.addInitScript((chosen) => localStorage.setItem('mannequin.language', chosen), language);
  const foreign = [];
  const thrown = [];
  page.on('request', (request) => { if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== server.origin) foreign.push(request.url()); });
  page.on('pageerror', (error) => thrown.push(error.message));
  page.on('console', (message) => { if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) thrown.push(message.text()); });
  return {
    page,
    async visit(hash) {
      await page.goto(`${server.origin}/#${hash}`);
      await page.locator('#panel h1').waitFor();
      await page.waitForLoadState('networkidle');
    },
    assertQuiet() {
      assert.deepEqual(foreign, [], 'addresses that are not the console');
      assert.deepEqual(thrown, [], 'errors of the page');
    },
    // Nothing to scroll sideways.
    async assertFits() {
      const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= screen, `the page is ${content} px wide on a screen of ${screen} px`);
    },
    async assertAccessible() {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
      const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      assert.deepEqual(grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).slice(0, 3).join(' ')}`), []);
    },
    close: () => page.close(),
  };
}
