/**
 * THREATS 1: extensions and parameters named like properties of every object (GHSA-5v72-xg48-5rpm
 * crashed on one header).
 */

import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import {
  connectRaw,
  listen,
  logEvents,
  readHead,
  serve,
  until,
  upgradeRequest,
  upgradeResponse,
} from '../api/sockets.ts';

const HEADERS = [
  'constructor',
  '__proto__; x',
  '__proto__; __proto__=1; __proto__=2',
  'hasOwnProperty; toString',
  'permessage-deflate; constructor',
  'permessage-deflate; __proto__=1',
  'permessage-deflate; hasOwnProperty',
  'permessage-deflate; __defineSetter__=8; client_max_window_bits',
];

describe('Sec-WebSocket-Extensions with the names of properties', () => {
  it.each(HEADERS)(
    'is passed over by a server, which goes on without extensions: %s',
    async (header) => {
      const { port, accepted } = await serve({ options: { extensions: [permessageDeflate] } });
      const socket = await connectRaw(port);
      socket.write(upgradeRequest({ 'Sec-WebSocket-Extensions': header }));
      const [head] = await readHead(socket);
      expect(head).toMatch(/^HTTP\/1\.1 101 /);
      expect(head).not.toMatch(/^sec-websocket-extensions/im);
      await until(() => accepted[0]?.readyState === 1);
      expect(accepted[0]!.extensions).toBe('');
    },
  );

  it('leaves the prototype of all objects as it was', () => {
    expect(Reflect.ownKeys(Object.prototype)).not.toContain('x');
    expect({}).not.toHaveProperty('x');
  });

  it('does not keep a server from an offer behind it', async () => {
    const { port } = await serve({ options: { extensions: [permessageDeflate] } });
    const socket = await connectRaw(port);
    const offers = `${HEADERS.join(', ')}, permessage-deflate`;
    socket.write(upgradeRequest({ 'Sec-WebSocket-Extensions': offers }));
    const [head] = await readHead(socket);
    expect(head).toMatch(/^sec-websocket-extensions: permessage-deflate\r$/im);
  });
});

describe('An answer with such names', () => {
  it.each(HEADERS)('fails a client’s handshake, once: %s', async (header) => {
    const server = createServer(async (raw) => {
      const [head] = await readHead(raw);
      raw.write(upgradeResponse(head, `Sec-WebSocket-Extensions: ${header}\r\n`));
    });
    const port = await listen(server);
    const client = new Client(`ws://127.0.0.1:${port}/`, [], { extensions: [permessageDeflate] });
    const log = logEvents(client);
    await until(() => log.some((line) => line.startsWith('close')));
    expect(log).toEqual(['error WS_RESPONSE_EXTENSIONS', 'end', 'close 1006 ""']);
  });
});
