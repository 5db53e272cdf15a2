/** `node --max-http-header-size`: the limit of a response's head, unless maxHeaderBytes is set. */

import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, ROOT } from '../seeds/built.ts';

/** Answers with a head of 31 KB, and prints how each client fares with some options. */
const PROGRAM = `
  const { Client } = require('sanswire');
  const WebSocket = require('sanswire/ws');
  const server = require('http').createServer().listen(0, '127.0.0.1');
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
    const accept = require('crypto').createHash('sha1').update(key).digest('base64');
    socket.write('HTTP/1.1 101 X\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n' +
      ('Set-Cookie: a=' + 'x'.repeat(3900) + '\\r\\n').repeat(8) +
      'Sec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  });
  server.on('listening', async () => {
    const url = 'ws://127.0.0.1:' + server.address().port;
    for (const make of [
      () => new Client(url),
      () => new Client(url, { maxHeaderBytes: 20000 }),
      () => new WebSocket(url),
      () => new WebSocket(url, { maxHeaderSize: 20000 }),
    ]) {
      const client = make();
      await new Promise((resolve) => {
        client.on('open', () => resolve(console.log('open')));
        client.on('error', (event) => resolve(console.log((event.error ?? event).code)));
      });
      client.terminate();
    }
    process.exit();
  });`;

function run(...flags: string[]): string[] {
  const options = { cwd: ROOT, encoding: 'utf8' } as const;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', PROGRAM], options);
  return [...stdout.trim().split('\n'), ...(stderr === '' ? [] : [stderr])];
}

beforeAll(ensureBuilt, 120_000);

describe('--max-http-header-size', { timeout: 60_000 }, () => {
  it('is the default of every client', () => {
    const [tooLong, overflow] = ['WS_HEAD_TOO_LONG', 'HPE_HEADER_OVERFLOW'];
    expect(run('--max-http-header-size=65536')).toEqual(['open', tooLong, 'open', overflow]);
    expect(run()).toEqual([tooLong, tooLong, overflow, overflow]);
  });
});
