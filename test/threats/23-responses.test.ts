/**
 * THREATS 23: responses that choose what nobody offered (CVE-2026-19534), or that hold bytes beyond
 * ASCII (CVE-2026-55517), at every client.
 */

import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listen, settle, until, upgradeResponse } from '../api/sockets.ts';
import { CLIENT_FACES, OFFERING_FACES } from '../support/client-faces.ts';
import { patiently } from '../support/event-log.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

/** Has a client get a 101 with more header lines: returns what it was told. */
async function answer(
  face: string,
  lines: string,
  protocols: readonly string[] = [],
): Promise<readonly string[]> {
  let hasLeft = false;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => {
      hasLeft = true;
    });
    socket.once('data', (head) => {
      socket.write(upgradeResponse(head.toString('latin1'), lines), 'latin1');
    });
  });
  const uncaught = collectUncaught();
  const log = CLIENT_FACES[face]!(await listen(server), protocols);
  await Promise.race([log.until('open'), log.until('failed')]);
  if (log.all('failed').length > 0) {
    await log.until('close');
    await patiently(
      until(() => hasLeft),
      () => 'the client stays',
    );
  }
  await settle();
  expect(uncaught).toEqual([]);
  return log.lines;
}

const FAILED = ['failed', 'close'];
const PROTOCOL = 'Sec-WebSocket-Protocol: ';
const EXTENSIONS = 'Sec-WebSocket-Extensions: ';
const HIGH = Array.from({ length: 0x80 }, (_, at) => String.fromCharCode(0x80 + at)).join('');

describe.each(Object.keys(CLIENT_FACES))('A 101 to a client of %s', (face) => {
  it.each([
    ['a subprotocol although none was offered', `${PROTOCOL}chat\r\n`],
    ['an empty subprotocol', `${PROTOCOL}\r\n`],
    ['several subprotocols', `${PROTOCOL}chat\r\n${PROTOCOL}chat\r\n`],
    ['an extension that was not offered', `${EXTENSIONS}x-unknown\r\n`],
    ['all bytes from 0x80 as its subprotocol', `${PROTOCOL}${HIGH}\r\n`],
    ['all bytes from 0x80 as its extensions', `${EXTENSIONS}${HIGH}\r\n`],
    ['such a byte in a parameter', `${EXTENSIONS}permessage-deflate; a="\xff"\r\n`],
  ])('with %s fails, once', async (_, lines) => {
    expect(await answer(face, lines)).toEqual(FAILED);
  });

  it('with all bytes from 0x80 in another header opens', async () => {
    const log = await answer(face, `X-Name: ${HIGH}\r\n`);
    expect(log).toEqual(['open ']);
  });

  it('with such a byte in the name of a header fails', async () => {
    expect(await answer(face, `X-N\xe4me: a\r\n`)).toEqual(FAILED);
  });
});

describe.each(OFFERING_FACES)('A 101 to a client of %s that offers "chat"', (face) => {
  it.each([
    ['Chat', `${PROTOCOL}Chat\r\n`],
    ['another', `${PROTOCOL}superchat\r\n`],
    ['a byte from 0x80', `${PROTOCOL}ch\xe4t\r\n`],
    ['it twice', `${PROTOCOL}chat\r\n${PROTOCOL}chat\r\n`],
    ['it and another', `${PROTOCOL}chat, superchat\r\n`],
  ])('with %s fails, once', async (_, lines) => {
    expect(await answer(face, lines, ['chat'])).toEqual(FAILED);
  });

  it('with "chat" opens', async () => {
    expect(await answer(face, `${PROTOCOL}chat\r\n`, ['chat'])).toEqual(['open chat']);
  });
});
