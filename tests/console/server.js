// A `mannequin up` of the test's own, on free ports, over a folder that goes with it.
//
//   const server = await startServer({ allow: 'CIDR:PORT', token: '...' });
//   const shared = await startServer({ readers: { ana: 'catalog' } });   // shared.tokens.ana
//   await server.call('ProductStore/GetStatistics');
//   await server.stop();
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const binary = process.env.MANNEQUIN_BIN;
if (!binary) throw new Error('MANNEQUIN_BIN: set it to the mannequin binary (run.sh does)');

export async function startServer({ allow, token, readers, consoleListen = '127.0.0.1:0' } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mannequin-console-'));
  const flags = ['up', '--output', 'json', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--admin-listen', '',
    '--console-listen', consoleListen, '--log-level', 'warn'];
  if (allow) flags.push('--allow-address', allow);
  if (token) {
    writeFileSync(join(folder, 'token'), token);
    flags.push('--console-token-file', join(folder, 'token'));
  }
  const tokens = {};
  if (readers) {
    const lines = Object.entries(readers).map(([name, role]) => {
      const made = JSON.parse(spawnSync(binary, ['--output', 'json', 'token', 'new', '--name', name, '--role', role]).stdout);
      tokens[name] = made.token;
      return made.line;
    });
    writeFileSync(join(folder, 'tokens.textproto'), lines.join('\n'));
    writeFileSync(join(folder, 'server.textproto'), `access { tokens_file: "${join(folder, 'tokens.textproto')}" }`);
    flags.push('--server-config', join(folder, 'server.textproto'));
  }
  const child = spawn(binary, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (text) => { log += text; });
  const exited = new Promise((resolve) => child.on('exit', resolve));
  const line = await Promise.race([
    new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    exited.then(() => { throw new Error(`mannequin up ended:\n${log}`); }),
  ]);
  const addresses = JSON.parse(line);
  const origin = `http://${addresses.console}`;
  const server = {
    origin,
    tokens,
    grpc: addresses.server,
    // A unary RPC as `curl` would make it.
    async call(method, request = {}) {
      const answer = await fetch(`${origin}/mannequin.v1.${method}`, {
        method: 'POST', headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }, body: JSON.stringify(request) });
      const body = await answer.json();
      if (!answer.ok) throw new Error(`${method}: ${body.code}: ${body.message}`);
      return body;
    },
    async finished(jobId) {
      for (;;) {
        const { job } = await server.call('ProductStore/GetJob', { id: jobId });
        if (job.state === 'JOB_STATE_SUCCEEDED') return job;
        if (!['JOB_STATE_QUEUED', 'JOB_STATE_RUNNING'].includes(job.state)) throw new Error(`${job.kind} ended ${job.state}: ${job.error}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    run(...words) {
      const done = spawnSync(binary, ['--server', addresses.server, ...words], { encoding: 'utf8' });
      if (done.status !== 0) throw new Error(`mannequin ${words.join(' ')}: ${done.stderr}`);
      return done.stdout;
    },
    write(name, text) {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return server;
}
