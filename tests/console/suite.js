// What all tests share: a server with the sample catalogue, and a browser. A test's page is
// its own; what it changes in the store stays for the tests after it.
import { after, before } from 'node:test';
import { startBrowser, openPage } from './browser.js';
import { ingestListings, startOrigin } from './catalogue.js';
import { startServer } from './server.js';

export const suite = {};

export function useSuite() {
  before(async () => {
    suite.pictures = new Map();
    suite.images = await startOrigin(suite.pictures);
    suite.server = await startServer({ allow: `127.0.0.1/32:${suite.images.address().port}` });
    suite.browser = await startBrowser();
    await ingestListings(suite.server, suite.images, suite.pictures, suite.browser.scratch);
  });
  after(async () => {
    await suite.browser?.close();
    await suite.server?.stop();
    suite.images?.close();
  });
}

// Opens `hash`, runs `body(page, view)`, and sees that the page asked for nothing foreign and threw nothing.
export async function onPage(hash, body, options) {
  const view = await openPage(suite.browser, suite.server, options);
  try {
    await view.visit(hash);
    await body(view.page, view);
    view.assertQuiet();
  } finally {
    await view.close();
  }
}
