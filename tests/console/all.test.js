// All tests in one process: they share a server, a browser and the catalogue, and go in this order.
import { useSuite } from './suite.js';

useSuite();
await import('./words.test.js');
await import('./pages.test.js');
await import('./look.test.js');
await import('./connect.test.js');
await import('./sign_in.test.js');
await import('./lost_server.test.js');
