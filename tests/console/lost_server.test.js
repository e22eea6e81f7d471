// A console that goes away is said at once, and comes back by itself.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage } from './browser.js';
import { startServer } from './server.js';
import { suite } from './suite.js';

test('A lost server is said, what was written stays, and the page goes on when it is back', async () => {
  let server = await startServer();
  const view = await openPage(suite.browser, server);
  const { page } = view;
  try {
    await view.visit('generate');
    await page.getByLabel('Product name').fill('Cotton Shirt');
    await page.getByLabel('Category', { exact: true }).fill('Shirts');
    const at = new URL(server.origin).host;
    await server.stop();
    await page.getByRole('button', { name: 'Draw eight images' }).click();
    await page.getByText('The console does not answer.', { exact: true }).waitFor();
    await page.locator('.result').getByText('The images could not be drawn').waitFor();

    server = await startServer({ consoleListen: at });
    await page.locator('.lost').waitFor({ state: 'detached', timeout: 60000 });
    assert.equal(await page.getByLabel('Product name').inputValue(), 'Cotton Shirt');
    await page.getByRole('button', { name: 'Draw eight images' }).click();
    await page.locator('.drawn').first().waitFor();
  } finally {
    await view.close();
    await server.stop();
  }
});
