// Every word that the page asks for is there in both languages, and none is left over.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const folder = process.env.WEB;
const { WORDS } = await import(`data:text/javascript;base64,${readFileSync(join(folder, 'words.js')).toString('base64')}`);
const source = readdirSync(folder).filter((name) => name.endsWith('.js') && name !== 'words.js').map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');

test('Every word that is asked for is there', () => {
  const asked = [...source.matchAll(/\bt\('([^']+)'/g)].map(([, key]) => key);
  assert.ok(asked.length > 100);
  assert.deepEqual(asked.filter((key) => !WORDS[key]), []);
});

test('Every word has both languages', () => {
  assert.deepEqual(Object.entries(WORDS).filter(([, words]) => words.length !== 2 || words.some((word) => !word.trim())), []);
});

test('No word is left over', () => {
  // Names of enums, phases and attributes are put together from what a service says.
  const built = /^([A-Z_]+(\.text)?|(phase|health|tab|about|field|placeholders|role)\..+|color|gender|material|size)$/;
  assert.deepEqual(Object.keys(WORDS).filter((key) => !built.test(key) && !source.includes(`'${key}'`)), []);
});
