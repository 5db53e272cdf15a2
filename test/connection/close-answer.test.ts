/** What a connection answers to the peer's Close frame (RFC 6455 §5.5.1), at either end. */

import { describe, expect, it } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { concat, hex, toHex } from '../support/hex.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

/** The payload of the frame that answers a Close frame from the server. */
function answerOf(close: string): string {
  const handler = new RecordingHandler();
  const connection = new Connection({ platform: nodePlatform, role: 'client', handler });
  connection.receive(hex(close));
  const [head, length, ...rest] = concat(connection.takeOutput());
  expect(head).toBe(0x88);
  const key = rest.slice(0, 4);
  const payload = rest.slice(4).map((byte, index) => byte ^ (key[index % 4] ?? 0));
  expect(length).toBe(0x80 | payload.length);
  return toHex(Uint8Array.from(payload));
}

describe('the answer to a Close frame (RFC 6455 §5.5.1)', () => {
  it('carries the code and the reason back, so that the peer sees its own in its close event', () => {
    expect(answerOf('88 05 0F A0 62 79 65')).toBe(toHex(hex('0F A0 62 79 65')));
  });

  it('is masked afresh by a client, and as it is from a server', () => {
    const handler = new RecordingHandler();
    const connection = new Connection({ platform: nodePlatform, role: 'server', handler });
    connection.receive(hex('88 85 00 00 00 00 0F A0 62 79 65'));
    expect(toHex(concat(connection.takeOutput()))).toBe(toHex(hex('88 05 0F A0 62 79 65')));
  });

  it('carries the code alone when no reason came, and nothing when nothing came', () => {
    expect(answerOf('88 02 03 E8')).toBe(toHex(hex('03 E8')));
    expect(answerOf('88 00')).toBe('');
  });
});
