// Each page's main task, in the order in which a new shop would do them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listings, jpegOf, productOf } from './catalogue.js';
import { until } from './browser.js';
import { onPage, suite } from './suite.js';

const pictured = listings.filter(({ pictured: has, gone }) => has && !gone);
const missing = listings.filter(({ pictured: has }) => !has);

async function describe(page, { title, category, color }) {
  await page.getByLabel('Product name').fill(title);
  await page.getByLabel('Category', { exact: true }).fill(category);
  await page.getByLabel('Colour', { exact: true }).fill(color);
}

const tiles = (page, count) => until(async () => await page.locator('.tile').count() === count, `${count} tiles`);

test('Catalogue fetches the images live and says which failed', () => onPage('catalogue', async (page) => {
  await page.getByRole('button', { name: 'Fetch pending images' }).click();
  await page.getByText('Succeeded').waitFor();
  const facts = await page.locator('.facts').first().innerText();
  assert.match(facts, new RegExp(`Stored\\s+${pictured.length}\\b`));
  assert.match(facts, /Failed\s+1\b/);
  await page.getByText('Not found (404): 1').waitFor();
  await page.getByLabel('Image state').selectOption('IMAGE_STATE_FAILED');
  const gone = listings.find((listing) => listing.gone);
  await tiles(page, 1);
  await page.locator('.tile').getByText(gone.title).waitFor();
}));

test('Catalogue filters by brand and category, and finds a product by its id', () => onPage('catalogue', async (page) => {
  await page.getByLabel('Category', { exact: true }).fill('Apparel > Topwear');
  await page.getByLabel('Brand').fill('Northwind');
  await page.getByLabel('Brand').press('Enter');
  const wanted = listings.filter(({ brand, categoryPath }) => brand === 'Northwind' && categoryPath[1] === 'Topwear').length;
  await tiles(page, wanted);
  await page.getByLabel('Search').fill('SHOP010');
  await page.getByLabel('Search').press('Enter');
  await tiles(page, 1);
  await page.locator('.tile a').click();
  await page.getByRole('heading', { name: listings[9].title }).waitFor();
  await page.getByText('Image stored').waitFor();
}));

test('Similar asks for the embedding first, then shows the nearest products', () => onPage('similar', async (page) => {
  await page.getByLabel('Product name').fill('black leather handbag');
  await page.getByRole('button', { name: 'Find similar' }).click();
  await page.getByText('Train and run the embedding first.').waitFor();
  await suite.server.finished((await suite.server.call('TextEmbedder/EmbedCatalog')).job.id);
  await page.getByRole('button', { name: 'Find similar' }).click();
  await page.locator('.tile').first().waitFor();
  assert.match(await page.locator('.tile').first().innerText(), /Black Leather Handbag/);
}));

test('Generate draws eight images, and the same noise again for another word', () => onPage('generate', async (page) => {
  await describe(page, { title: 'Leather Handbag', category: 'Handbags', color: 'black' });
  await page.getByLabel('Seed').fill('42');
  await page.getByLabel('Unsure pictures too').check();
  await page.getByRole('button', { name: 'Draw eight images' }).click();
  await page.locator('.drawn').nth(7).waitFor();
  const seeds = () => page.locator('.result > .gallery:not(.before) .seed').allInnerTexts();
  const black = await seeds();
  assert.equal(new Set(black).size, 8);
  assert.ok(black.includes('42'));
  await page.getByLabel('Colour').fill('red');
  await page.getByRole('button', { name: 'Draw eight images' }).click();
  await page.locator('.gallery.before').waitFor();
  const red = await seeds();
  assert.deepEqual([...red].sort(), [...black].sort());
  assert.deepEqual(await page.locator('.gallery.before .seed').allInnerTexts(), red);

  const saved = page.waitForEvent('download');
  await page.locator('.drawn a').first().click();
  assert.match((await saved).suggestedFilename(), /^mannequin-\d+\.png$/);
}));

test('Generate varies a word down and the noise across', () => onPage('generate', async (page) => {
  await describe(page, { title: 'Cotton Shirt', category: 'Shirts', color: 'white' });
  await page.getByText('Variation sheet').click();
  await page.getByLabel('Values').fill('white, blue');
  await page.getByRole('button', { name: 'Draw the sheet' }).click();
  await page.locator('table.sheet').waitFor();
  assert.equal(await page.locator('table.sheet tbody tr').count(), 2);
  assert.equal(await page.locator('table.sheet img').count(), 8);
  const pictures = await page.locator('table.sheet img').evaluateAll((images) => images.map(({ src }) => src));
  assert.equal(new Set(pictures).size, 8);
}));

test('Check judges a dropped image, draws the boxes, and keeps who disagrees and why', () => onPage('check', async (page) => {
  await page.locator('#image').setInputFiles({ name: 'shirt.jpg', mimeType: 'image/jpeg', buffer: suite.pictures.get('SHOP001') });
  await describe(page, { title: listings[0].title, category: 'Apparel > Topwear > Shirts', color: 'white' });
  await page.getByRole('button', { name: 'Check the listing' }).click();
  await page.getByRole('heading', { name: 'Abuse' }).waitFor();
  await page.locator('.boxed rect').first().waitFor({ state: 'attached' });
  assert.match(await page.locator('.result').innerText(), /Promotional overlay\s+(9\d|100)%/);
  await page.getByRole('button', { name: 'Agree: Abuse', exact: true }).click();
  assert.ok(await page.getByRole('dialog').getByLabel('Promotional overlay').isChecked());
  await page.getByRole('dialog').getByLabel('Note').fill('a banner');
  await page.getByRole('dialog').getByLabel('Reviewer').fill('Kim');
  await page.getByRole('dialog').getByRole('button', { name: 'Abuse' }).click();
  await page.getByText('Kept as Abuse').waitFor();
  const { reviews } = await suite.server.call('ProductStore/ListReviews');
  assert.equal(reviews.length, 1);
  assert.equal(reviews[0].reviewer, 'Kim');
  assert.equal(reviews[0].note, 'a banner');
  assert.ok(reviews[0].reasons.includes('ABUSE_REASON_PROMOTIONAL_OVERLAY'));
}));

test('Check shows what the picture looks like and the nearest products when it is another one', () => onPage('check', async (page) => {
  const handbag = listings.find(({ title }) => title.includes('Handbag'));
  await page.locator('#image').setInputFiles({ name: 'bag.jpg', mimeType: 'image/jpeg', buffer: suite.pictures.get(handbag.id) });
  await describe(page, { title: 'Steel Watch', category: 'Watches', color: 'black' });
  await page.getByRole('button', { name: 'Check the listing' }).click();
  await page.getByText('The picture looks like').waitFor();
  await page.getByRole('heading', { name: 'Products with the nearest texts' }).waitFor();
}));

test('Check says what is wrong before and after it is sent', () => onPage('check', async (page) => {
  await describe(page, { title: 'Shirt', category: 'Shirts', color: 'white' });
  await page.getByRole('button', { name: 'Check the listing' }).click();
  await page.getByText('Choose an image first.').waitFor();
  await page.locator('#image').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('words') });
  await page.getByText('That file is not an image.').waitFor();
  await page.locator('#image').setInputFiles({ name: 'broken.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') });
  await page.getByRole('button', { name: 'Check the listing' }).click();
  await page.locator('.result .failed').waitFor();
}));

test('Review takes clean and abuse by keys, in the order of the queue', async () => {
  await suite.server.finished((await suite.server.call('AbuseScorer/ScoreCatalog')).job.id);
  await onPage('review', async (page) => {
    await page.locator('.tile').nth(2).waitFor();
    const titles = await page.locator('.tile .title').allInnerTexts();
    await page.locator('.tile').first().focus();
    await page.keyboard.press('c');
    const firstIs = (title) => until(async () => await page.locator('.tile .title').first().innerText() === title, `${title} is first`);
    await firstIs(titles[1]);
    // The next one has the focus.
    await page.keyboard.press('a');
    await page.getByRole('dialog').getByRole('button', { name: 'Abuse' }).click();
    await firstIs(titles[2]);
    const { reviews } = await suite.server.call('ProductStore/ListReviews');
    const decided = new Map(reviews.map(({ verdict, decision }) => [verdict.listing.title, decision]));
    assert.equal(decided.get(titles[0]), 'VERDICT_KIND_CLEAN');
    assert.equal(decided.get(titles[1]), 'VERDICT_KIND_ABUSE');
  });
});

test('Placeholders are made, rejected with a reason, redrawn, approved and withdrawn', () => onPage('placeholders', async (page) => {
  await page.getByText('Nothing waits for review').waitFor();
  await page.getByRole('button', { name: 'Make placeholders' }).click();
  await page.getByText('Succeeded').waitFor({ timeout: 120000 });
  await page.locator('.tile').first().waitFor();
  const state = (name) => page.getByLabel('State').selectOption(`PLACEHOLDER_STATE_${name}`);
  const title = await page.locator('.tile .title').first().innerText();
  const own = page.getByRole('article', { name: title });
  const { id } = listings.find((listing) => listing.title === title);
  const kept = async () => (await suite.server.call('ProductStore/GetPlaceholder', { productId: id })).placeholder;

  await own.getByRole('button', { name: 'Reject' }).click();
  await page.getByRole('dialog').getByLabel('Usual reasons').selectOption({ label: 'Wrong colour' });
  await page.getByRole('dialog').getByLabel('Reason', { exact: true }).fill('it is bluish');
  await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
  await own.waitFor({ state: 'detached' });
  assert.equal((await kept()).rejectionReason, 'Wrong colour. it is bluish');

  await state('REJECTED');
  const first = (await kept()).imageSha256;
  await own.getByRole('button', { name: 'Redraw' }).click();
  await page.getByRole('dialog').getByLabel('Colour').fill('black');
  await page.getByRole('dialog').getByRole('button', { name: 'Redraw' }).click();
  await own.waitFor({ state: 'detached' });
  assert.equal((await kept()).state, 'PLACEHOLDER_STATE_PROPOSED');
  assert.notEqual((await kept()).imageSha256, first);

  await state('PROPOSED');
  await own.focus();
  await page.keyboard.press('a');
  await own.waitFor({ state: 'detached' });
  const shown = await fetch(`${suite.server.origin}/images/${id}`);
  assert.equal(shown.headers.get('X-Mannequin-Generated'), 'true');

  await state('APPROVED');
  await own.getByText('History').click();
  assert.deepEqual((await own.locator('.history strong').allInnerTexts()), ['Proposed', 'Rejected', 'Drawn anew', 'Approved']);
  await own.getByRole('button', { name: 'Withdraw' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click();
  await own.waitFor({ state: 'detached' });
  assert.equal((await fetch(`${suite.server.origin}/images/${id}`)).status, 404);
}));

test('Placeholders of a category are approved at once from a confidence on', () => onPage('placeholders', async (page) => {
  await page.locator('.tile').first().waitFor();
  await page.getByLabel('Category').fill('Accessories');
  await page.getByLabel('Category').press('Enter');
  await until(async () => {
    const words = await page.locator('.tile .words').allInnerTexts();
    return words.length > 0 && words.every((text) => text.includes('Accessories'));
  }, 'accessories alone');
  const waiting = await page.locator('.tile').count();
  await page.getByRole('button', { name: 'Approve all of these' }).click();
  await page.getByRole('dialog').getByText('“Accessories” with a confidence of 0% or more').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
  await page.getByText(`Approved ${waiting}`).waitFor();
  const { placeholders } = await suite.server.call('ImageGenerator/ListPlaceholderQueue', { state: 'PLACEHOLDER_STATE_APPROVED' });
  assert.equal(placeholders.length, waiting);
  assert.ok(placeholders.every(({ categoryPath }) => categoryPath[0] === 'Accessories'));
}));

test('A real image retires a placeholder, and the product’s page tells its history', async () => {
  const { placeholders } = await suite.server.call('ImageGenerator/ListPlaceholderQueue', { state: 'PLACEHOLDER_STATE_APPROVED', pageSize: 1 });
  const id = placeholders[0].productId;
  const { images } = await suite.server.call('ImageGenerator/GenerateImages', { product: productOf(listings[0]), seed: '9', includeUnconfident: true });
  const photo = await jpegOf(suite.browser.scratch, images[0].image.data);
  await suite.server.call('ProductStore/PutImage', { productId: id, image: { data: photo.toString('base64'), mediaType: 'image/jpeg' } });
  await onPage(`catalogue/${id}`, async (page) => {
    await page.locator('.history').getByText('Retired').waitFor();
    assert.deepEqual(await page.locator('.history strong').allInnerTexts(), ['Ingested', 'Image stored', 'Proposed', 'Approved', 'Retired']);
  });
});

test('Training runs, draws its curves and samples, and its bundle is promoted', { timeout: 700000 }, () => onPage('training', async (page) => {
  await page.getByText('No trainings yet').waitFor();
  await page.getByText('New training').click();
  const set = (label, value) => page.getByLabel(label, { exact: true }).fill(String(value));
  await set('Steps', 10);
  await set('Feature maps', 8);
  await set('Batch', 2);
  await page.locator('summary', { hasText: 'More' }).click();
  await set('Images a category needs', 1);
  await set('Steps of the judge', -1);
  await page.getByLabel('Make the bundle current when done').uncheck();
  await page.getByRole('button', { name: 'Start training' }).click();
  await page.locator('.job .chip', { hasText: 'Succeeded' }).waitFor({ timeout: 600000 });
  await page.locator('.curves .plot canvas').first().waitFor();
  await page.locator('.health span').first().waitFor({ state: 'attached' });
  await page.locator('.samples img').waitFor();
  // Samples of before the page was opened are there too.
  await page.reload();
  await page.locator('.samples img[src^="data:image/png"]').waitFor();
  const facts = await page.locator('.job .facts').first().innerText();
  assert.match(facts, /Step\s+10 \/ 10/);
  assert.match(facts, /Images\s+[\d.]+\/s/);
  await page.getByRole('button', { name: 'Make current' }).click();
  // The shipped bundle is better, or was measured elsewhere: the gate may ask.
  const refused = page.getByRole('button', { name: 'Promote all the same' });
  const promoted = page.getByText('The services follow the new bundle.');
  await refused.or(promoted).first().waitFor();
  if (await refused.isVisible()) await refused.click();
  await promoted.waitFor();
}));

test('System names the services, what the store holds, and the current bundle', () => onPage('system', async (page) => {
  for (const name of ['store', 'fetcher', 'embedder', 'trainer', 'generator', 'scorer']) await page.locator('li', { hasText: name }).getByText('Serving', { exact: true }).waitFor();
  await page.locator('.facts > div', { hasText: /^Products/ }).getByText(String(listings.length), { exact: true }).waitFor();
  const { currentVersion, bundles } = await suite.server.call('GanTrainer/ListBundles');
  await page.locator('tr', { hasText: currentVersion }).getByText('Current').waitFor();
  assert.equal(await page.locator('tbody tr').count(), bundles.length);
}));

test('An unknown product and an unknown address say so', async () => {
  await onPage('catalogue/NOTHING', (page) => page.getByText('No such product').waitFor());
  assert.equal(missing.length > 0, true);
});
