// The console's JSON by the real Connect clients: unary, errors, streams, deadlines.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport as nodeTransport } from '@connectrpc/connect-node';
import { createConnectTransport as webTransport } from '@connectrpc/connect-web';
import { listings } from './catalogue.js';
import { suite } from './suite.js';

// The contracts as they stand in proto/, without a code generator.
let registry;
before(() => {
  const folder = mkdtempSync(join(tmpdir(), 'mannequin-protos-'));
  const names = ['product_store', 'gan_trainer', 'image_generator'].map((name) => `mannequin/v1/${name}.proto`);
  execFileSync('protoc', [`-I${process.env.PROTO}`, '--include_imports', `--descriptor_set_out=${join(folder, 'set')}`, ...names]);
  registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(join(folder, 'set'))));
  rmSync(folder, { recursive: true });
});

const transports = {
  'connect-web': (baseUrl) => webTransport({ baseUrl }),
  'connect-node': (baseUrl) => nodeTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
};

for (const [name, transport] of Object.entries(transports)) {
  const client = (service, options) => createClient(registry.getService(`mannequin.v1.${service}`), transport(suite.server.origin, options));

  test(`${name}: a unary call`, async () => {
    const { product } = await client('ProductStore').getProduct({ id: 'SHOP001' });
    assert.equal(product.product.title, listings[0].title);
    assert.equal(typeof (await client('ProductStore').getStatistics({})).products, 'bigint');
  });

  test(`${name}: an error keeps its code and message`, async () => {
    await assert.rejects(client('ProductStore').getProduct({ id: 'nothing' }), (error) => {
      assert.ok(error instanceof ConnectError);
      assert.equal(error.code, Code.NotFound);
      assert.match(error.rawMessage, /nothing/);
      return true;
    });
  });

  test(`${name}: a server's stream`, async () => {
    const seen = [];
    for await (const { products } of client('ProductStore').scanProducts({ filter: { categoryPath: ['Footwear'] } })) seen.push(...products.map(({ product }) => product.id));
    assert.deepEqual(seen, listings.filter(({ categoryPath }) => categoryPath[0] === 'Footwear').map(({ id }) => id));
  });

  test(`${name}: a stream's error`, async () => {
    await assert.rejects(async () => {
      for await (const message of client('GanTrainer').watchTraining({ jobId: 'job-nothing' })) assert.fail(JSON.stringify(message));
    }, (error) => error instanceof ConnectError && error.code === Code.NotFound);
  });

  test(`${name}: a stream that is left early`, async () => {
    for await (const { stage } of client('ProductStore').checkIntegrity({})) {
      assert.ok(stage.length > 0);
      break;
    }
    await client('ProductStore').getStatistics({});
  });

  test(`${name}: a deadline`, async () => {
    await assert.rejects(client('ImageGenerator').generateImages({ product: { categoryPath: ['Shirts'] }, count: 64, size: 1024 }, { timeoutMs: 1 }), (error) => error.code === Code.DeadlineExceeded);
  });
}
