// A console with a token shows nothing before it is given.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage } from './browser.js';
import { startServer } from './server.js';
import { suite } from './suite.js';

const token = 'a-token-for-this-test-alone';

test('A page asks for the token once, and forgets it on signing out', async () => {
  const server = await startServer({ token });
  const view = await openPage(suite.browser, server);
  const { page } = view;
  try {
    await page.goto(`${server.origin}/#system`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.equal(await page.getByRole('tab').count(), 0);
    await view.assertAccessible();
    await page.getByLabel('Token').fill('another-token-that-is-wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('That token opens nothing here, or it has ended.').waitFor();
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'System' }).waitFor();
    await page.locator('li', { hasText: 'store' }).getByText('Serving', { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => document.cookie), '', 'a script must not see the session');

    await page.reload();
    await page.getByRole('heading', { name: 'System' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.equal((await page.request.post(`${server.origin}/mannequin.v1.ProductStore/GetStatistics`, { data: {} })).status(), 401);
    view.assertQuiet();
  } finally {
    await view.close();
    await server.stop();
  }
});

test('A reader with a token of their own sees what their role is for', async () => {
  const server = await startServer({ readers: { ana: 'catalog', omar: 'operator' } });
  const view = await openPage(suite.browser, server);
  const { page } = view;
  const signIn = async (name) => {
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByLabel('Token').fill(server.tokens[name]);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  try {
    await page.goto(`${server.origin}/#system`);
    await signIn('ana');
    await page.getByText('ana · catalogue team').waitFor();
    assert.deepEqual(await page.getByRole('tab').allTextContents(), ['Generate', 'Placeholders', 'Similar', 'Catalogue', 'System']);
    await view.assertAccessible();
    assert.equal((await page.request.post(`${server.origin}/mannequin.v1.GanTrainer/PromoteBundle`, { data: {} })).status(), 403);
    await page.getByRole('tab', { name: 'Catalogue' }).click();
    await page.getByRole('heading', { name: 'Catalogue', exact: true }).waitFor();
    await page.getByRole('tab', { name: 'System' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn('omar');
    await page.getByText('omar · operator').waitFor();
    assert.equal(await page.getByRole('tab').count(), 8);
    view.assertQuiet();
  } finally {
    await view.close();
    await server.stop();
  }
});

test('No other site may show the console in a frame', async () => {
  const page = await suite.browser.context.newPage();
  try {
    await page.goto('about:blank');
    await page.setContent(`<iframe src="${suite.server.origin}/"></iframe>`);
    const refused = () => page.frames().some((frame) => frame.url().startsWith('chrome-error:'));
    for (const end = Date.now() + 20000; !refused();) {
      assert.ok(Date.now() < end, `the frame shows ${page.frames().at(-1).url()}`);
      await page.waitForTimeout(50);
    }
  } finally {
    await page.close();
  }
});
