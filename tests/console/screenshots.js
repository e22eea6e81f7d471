// node screenshots.js FOLDER: the console's pages with the sample catalogue, as JPEG.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { startBrowser, openPage } from './browser.js';
import { ingestListings, jpegOf, listings, productOf, startOrigin } from './catalogue.js';
import { startServer } from './server.js';

const MAX_BYTES = 150_000;
const [folder] = process.argv.slice(2);
const pictures = new Map();
const images = await startOrigin(pictures);
const server = await startServer({ allow: `127.0.0.1/32:${images.address().port}` });
const browser = await startBrowser();

async function shoot(name, hash, act, options = {}) {
  const view = await openPage(browser, server, { width: 1180, height: 780, ...options });
  await view.visit(hash);
  await act(view.page);
  await view.page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await view.page.waitForLoadState('networkidle');
  const path = join(folder, `console-${name}.jpg`);
  await view.page.screenshot({ path, type: 'jpeg', quality: 85 });
  assert.ok(statSync(path).size < MAX_BYTES, `${path} is over ${MAX_BYTES} bytes`);
  console.log(path);
  await view.close();
}

async function describe(page, title, category, color) {
  await page.getByLabel('Product name').fill(title);
  await page.getByLabel('Category', { exact: true }).fill(category);
  await page.getByLabel('Colour', { exact: true }).fill(color);
}

try {
  await ingestListings(server, images, pictures, browser.scratch);
  await server.finished((await server.call('ImageFetcher/StartCrawl')).job.id);
  await server.finished((await server.call('TextEmbedder/EmbedCatalog')).job.id);
  await server.finished((await server.call('ImageGenerator/MakePlaceholders')).job.id);

  await shoot('generate', 'generate', async (page) => {
    await describe(page, 'Leather Handbag', 'Handbags', 'brown');
    await page.getByLabel('Seed').fill('7');
    await page.getByRole('button', { name: 'Draw eight images' }).click();
    await page.locator('.drawn').first().waitFor();
    await page.getByLabel('Colour').fill('red');
    await page.getByRole('button', { name: 'Draw eight images' }).click();
    await page.locator('.gallery.before').waitFor();
  }, { height: 1010 });
  await shoot('check', 'check', async (page) => {
    const shirt = listings.find(({ title }) => title.includes('Shirt'));
    const { images: [drawn] } = await server.call('ImageGenerator/GenerateImages', { product: productOf(shirt), seed: '7', includeUnconfident: true });
    await page.locator('#image').setInputFiles({ name: 'shirt.jpg', mimeType: 'image/jpeg', buffer: await jpegOf(browser.scratch, drawn.image.data, '무료 배송') });
    await describe(page, shirt.title, 'Apparel > Topwear > Shirts', 'white');
    await page.getByRole('button', { name: 'Check the listing' }).click();
    await page.locator('.boxed svg').waitFor();
  });
  await shoot('placeholders', 'placeholders', (page) => page.locator('.tile').first().waitFor(), { scheme: 'dark', height: 830 });
} finally {
  await browser.close();
  await server.stop();
  images.close();
}
