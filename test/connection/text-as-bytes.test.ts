/** Text that is handed over and sent as bytes: unvalidated where that is asked for, and in pieces (RFC 6455 §5.4, §8.1). */

import { describe, expect, it } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { concat, hex, toHex } from '../support/hex.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

const INVALID_TEXT = '81 02 C3 28';
const INVALID_IN_PIECES = '01 01 C3 80 01 28';

/** Takes text as the bytes that came, which need not be text. */
class BytesHandler extends RecordingHandler {
  override onMessage(): void {}
}

function receive(frames: string, validatesText: boolean): Connection {
  const handler = new BytesHandler();
  const options = { platform: nodePlatform, role: 'client', handler, decodesText: false } as const;
  const connection = new Connection({ ...options, validatesText });
  connection.receive(hex(frames));
  return connection;
}

describe('validatesText', () => {
  it('fails the connection on invalid text by default (RFC 6455 §8.1)', () => {
    expect(receive(INVALID_TEXT, true).failure?.code).toBe('WS_INVALID_TEXT');
    expect(receive(INVALID_IN_PIECES, true).failure?.code).toBe('WS_INVALID_TEXT');
  });

  it('lets any bytes pass as text when it is off', () => {
    expect(receive(INVALID_TEXT, false).failure).toBeUndefined();
    expect(receive(INVALID_IN_PIECES, false).failure).toBeUndefined();
  });
});

describe('sendFragment', () => {
  it('begins a text message with bytes where isText says so (RFC 6455 §5.4)', () => {
    const handler = new RecordingHandler();
    const connection = new Connection({ platform: nodePlatform, role: 'server', handler });
    connection.sendFragment(hex('C3'), false, undefined, true);
    connection.sendFragment(hex('A9'), true);
    expect(toHex(concat(connection.takeOutput()))).toBe(toHex(hex('01 01 C3 80 01 A9')));
  });
});

describe('the error about a reserved bit', () => {
  it('says which bits were set (RFC 6455 §5.2)', () => {
    expect(receive('C1 00', true).failure?.message).toMatch(/: RSV1$/);
    expect(receive('F1 00', true).failure?.message).toMatch(/: RSV1 RSV2 RSV3$/);
  });
});
