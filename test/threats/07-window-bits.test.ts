/**
 * THREATS 7: parameters of permessage-deflate that are none (CVE-2026-2229: a window of 1000 bits
 * crashed a client).
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

const INVALID = [
  'server_max_window_bits=7',
  'server_max_window_bits=16',
  'server_max_window_bits=1000',
  'server_max_window_bits=08',
  'server_max_window_bits=-8',
  'server_max_window_bits=99999999999999999999999999',
  'server_max_window_bits=9; server_max_window_bits=9',
  'server_max_window_bits',
  'client_max_window_bits=7',
  'client_max_window_bits=16',
  'client_max_window_bits=1000',
  'client_max_window_bits=08',
  'client_max_window_bits=9; client_max_window_bits=9',
  'server_no_context_takeover=1',
  'client_no_context_takeover; client_no_context_takeover',
  'windowBits=10',
];
const MALFORMED = [
  'server_max_window_bits=',
  'client_max_window_bits=""',
  'client_max_window_bits="10',
  'client_max_window_bits="1 0"',
  'client_max_window_bits==10',
  '; ;',
];
const VALID: [offer: string, answer: string][] = [
  ['server_max_window_bits=8', '; server_max_window_bits=8'],
  ['server_max_window_bits="15"', '; server_max_window_bits=15'],
  ['client_max_window_bits="8"', '; client_max_window_bits=8'],
  ['client_max_window_bits', ''],
];

async function answerOf(offer: string): Promise<string> {
  const { port } = await serve({ options: { extensions: [permessageDeflate] } });
  const socket = await connectRaw(port);
  socket.write(upgradeRequest({ 'Sec-WebSocket-Extensions': offer }));
  const [head] = await readHead(socket);
  const status = head.slice(9, 12);
  const extensions = /^sec-websocket-extensions: (.*)\r$/im.exec(head)?.[1];
  return extensions === undefined ? status : `${status} ${extensions}`;
}

async function verdictOn(answer: string): Promise<string[]> {
  const server = createServer(async (raw) => {
    const [head] = await readHead(raw);
    raw.write(upgradeResponse(head, `Sec-WebSocket-Extensions: ${answer}\r\n`));
  });
  const port = await listen(server);
  const client = new Client(`ws://127.0.0.1:${port}/`, [], { extensions: [permessageDeflate] });
  const log = logEvents(client);
  await until(() => log.length > 0);
  client.terminate();
  await until(() => log.some((line) => line.startsWith('close')));
  return log;
}

describe('A window, at a server', () => {
  it.each(INVALID)('that is none is an offer passed over: %s', async (parameters) => {
    expect(await answerOf(`permessage-deflate; ${parameters}`)).toBe('101');
  });

  it.each(INVALID)('that is none leaves the offer behind it: %s', async (parameters) => {
    const offers = `permessage-deflate; ${parameters}, permessage-deflate`;
    expect(await answerOf(offers)).toBe('101 permessage-deflate');
  });

  it.each(MALFORMED)('that is no header is a bad request: %s', async (parameters) => {
    expect(await answerOf(`permessage-deflate; ${parameters}`)).toBe('400');
  });

  it.each(VALID)('that is one is answered: %s', async (offer, answer) => {
    expect(await answerOf(`permessage-deflate; ${offer}`)).toBe(`101 permessage-deflate${answer}`);
  });
});

describe('A window, at a client', () => {
  it.each([...INVALID, ...MALFORMED, 'client_max_window_bits'])(
    'that is none fails the handshake, once: %s',
    async (parameters) => {
      const log = await verdictOn(`permessage-deflate; ${parameters}`);
      expect(log).toEqual(['error WS_RESPONSE_EXTENSIONS', 'end', 'close 1006 ""']);
    },
  );

  it.each(['server_max_window_bits=8', 'client_max_window_bits="8"', 'server_no_context_takeover'])(
    'that is one is taken: %s',
    async (parameters) => {
      const log = await verdictOn(`permessage-deflate; ${parameters}`);
      expect(log[0]).toBe('open');
    },
  );
});
