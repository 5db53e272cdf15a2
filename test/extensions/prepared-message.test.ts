import { describe, expect, it } from 'vitest';
import { PreparedMessage } from '../../src/extensions/prepared-message.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { describeFrames } from '../support/frames.ts';
import { hex } from '../support/hex.ts';
import { recordedConnection, takeFrames } from '../support/recorded-connection.ts';

describe('PreparedMessage', () => {
  it('is the frame that a server sends for the data', () => {
    expect(describeFrames('server', new PreparedMessage(nodePlatform, 'κόσμε').frame)).toEqual([
      'text hex CE BA CF 8C CF 83 CE BC CE B5',
    ]);
    expect(describeFrames('server', new PreparedMessage(nodePlatform, hex('FE FF')).frame)).toEqual(
      ['binary hex FE FF'],
    );
    expect(describeFrames('server', new PreparedMessage(nodePlatform, '').frame)).toEqual([
      'text ""',
    ]);
  });

  it('keeps a copy of bytes, which later changes do not reach', () => {
    const bytes = hex('01 02');
    const message = new PreparedMessage(nodePlatform, bytes);
    bytes.fill(9);
    expect(describeFrames('server', message.frame)).toEqual(['binary hex 01 02']);
  });

  it('is made once, at its first use', () => {
    const platform = new CountingPlatform();
    const message = new PreparedMessage(platform, 'hi');
    const callCount = platform.callCount;
    const { frame } = message;
    expect(platform.callCount).toBeGreaterThan(callCount);
    const callCountOnce = platform.callCount;
    expect(message.frame).toBe(frame);
    expect(platform.callCount).toBe(callCountOnce);
  });

  it('is shared by the peers of a server, and masked afresh by a client (RFC 6455 §5.3)', () => {
    const message = new PreparedMessage(nodePlatform, 'news');
    for (let count = 0; count < 3; count++) {
      const { connection } = recordedConnection({ role: 'server' });
      connection.sendPrepared(message);
      expect(connection.takeOutput()).toEqual([message.frame]);
    }
    const { connection } = recordedConnection({ role: 'client' });
    connection.sendPrepared(message);
    connection.sendPrepared(message);
    expect(takeFrames(connection)).toEqual(['text "news"', 'text "news"']);
  });
});
