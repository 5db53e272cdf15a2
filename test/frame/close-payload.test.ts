import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CloseCode, isSendableCloseCode } from '../../src/close-code.ts';
import {
  buildClosePayload,
  parseClosePayload,
  REASON_MAX_LENGTH,
} from '../../src/frame/close-payload.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { closePayload } from '../support/frames.ts';
import { concat, hex, utf8 } from '../support/hex.ts';

/** Parses from the middle of other bytes, which must not be looked at. */
function parse(payload: Uint8Array) {
  const bytes = concat([hex('FF FF'), payload, hex('FF FF')]);
  return parseClosePayload(nodePlatform, bytes, 2, 2 + payload.length);
}

describe('parseClosePayload', () => {
  it('takes no payload for 1005 (RFC 6455 §7.1.5)', () => {
    expect(parse(hex(''))).toEqual({ code: CloseCode.NO_STATUS_RECEIVED, reason: '' });
  });

  it('refuses a payload of one byte (RFC 6455 §5.5.1)', () => {
    expect(parse(hex('03'))).toBe('WS_INVALID_CLOSE_LENGTH');
  });

  it('reads the code in network byte order, then the reason (RFC 6455 §5.5.1)', () => {
    expect(parse(hex('03 E9'))).toEqual({ code: 1001, reason: '' });
    expect(parse(closePayload(4999, 'κόσμε'))).toEqual({ code: 4999, reason: 'κόσμε' });
  });

  it('accepts exactly the codes that may be sent, of all 65,536 (RFC 6455 §7.4)', () => {
    for (let code = 0; code < 65_536; code++) {
      const result = parse(closePayload(code));
      const found = typeof result === 'string' ? result : result.code;
      const wanted = isSendableCloseCode(code) ? code : 'WS_INVALID_CLOSE_CODE';
      if (found !== wanted) expect.unreachable(`Close code ${code}`);
    }
  });

  it('refuses a reason that is not UTF-8, whole (RFC 6455 §8.1)', () => {
    for (const reason of [hex('FF'), hex('E2 82'), hex('ED A0 80')]) {
      expect(parse(closePayload(1000, reason))).toBe('WS_INVALID_CLOSE_REASON');
    }
  });
});

describe('buildClosePayload', () => {
  it('builds what §5.5.1 describes', () => {
    const payload = buildClosePayload(nodePlatform, 1001, 'bye €');
    expect(Uint8Array.from(payload)).toEqual(closePayload(1001, utf8('bye €')));
  });

  it('sends 1005 as no payload (RFC 6455 §7.4.1)', () => {
    expect(buildClosePayload(nodePlatform, CloseCode.NO_STATUS_RECEIVED, '').length).toBe(0);
  });

  it('fills a control frame with the longest reason (RFC 6455 §5.5)', () => {
    const payload = buildClosePayload(nodePlatform, 1000, '*'.repeat(REASON_MAX_LENGTH));
    expect(payload.length).toBe(125);
  });

  it('builds what parseClosePayload reads', () => {
    const code = fc.integer({ min: 1000, max: 4999 }).filter(isSendableCloseCode);
    fc.assert(
      fc.property(code, fc.string({ unit: 'grapheme', maxLength: 20 }), (number, reason) => {
        const built = buildClosePayload(nodePlatform, number, reason);
        expect(parse(built)).toEqual({ code: number, reason });
      }),
    );
  });
});
