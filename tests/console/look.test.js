// How every page looks: no sideways scroll at 360 px, dark, Korean, nothing serious for axe.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onPage, suite } from './suite.js';

const pages = ['check', 'generate', 'review', 'placeholders', 'similar', 'catalogue', 'catalogue/SHOP001', 'training', 'system'];

for (const hash of pages) {
  test(`#${hash} fits 360 px in Korean and dark, and is accessible`, () => onPage(hash, async (page, view) => {
    await view.assertFits();
    assert.match(await page.locator('h1').innerText(), /[가-힣]/);
    assert.equal(await page.locator('html').getAttribute('lang'), 'ko');
    const [red, green, blue] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
    assert.ok(red + green + blue < 200, 'the page is light though dark was asked for');
    await view.assertAccessible();
    // A word that is missing shows its key.
    assert.doesNotMatch(await page.locator('body').innerText(), /[a-z]+\.[a-z]+[A-Z]|IMAGE_STATE_|VERDICT_KIND_|JOB_STATE_|ABUSE_REASON_/);
  }, { width: 360, height: 740, scheme: 'dark', language: 'ko' }));

  test(`#${hash} is accessible in English and light`, () => onPage(hash, async (page, view) => {
    await view.assertFits();
    await view.assertAccessible();
  }));
}

test('Tabs and questions are used with the keyboard alone', () => onPage('check', async (page) => {
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.getByRole('tab', { name: 'Check' }).focus();
  await page.keyboard.press('End');
  await page.getByRole('heading', { name: 'System' }).waitFor();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('heading', { name: 'Check' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Check');
}));

test('A question is left by Escape, and nothing has changed', async () => {
  await onPage('review', async (page) => {
    await page.locator('.tile').first().focus();
    const before = (await suite.server.call('ProductStore/ListReviews')).reviews.length;
    await page.keyboard.press('a');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement.className === 'tile');
    assert.equal((await suite.server.call('ProductStore/ListReviews')).reviews.length, before);
  });
});
