import { describe, expect, it } from 'vitest';
import { CloseCode, isApplicationCloseCode, isSendableCloseCode } from '../src/close-code.ts';

const ALL_CODES = Array.from({ length: 65_536 }, (_, code) => code);

/** Groups the codes that pass into ranges, `1000-1003`. */
function rangesOf(passes: (code: number) => boolean): string[] {
  const ranges: [number, number][] = [];
  for (const code of ALL_CODES.filter(passes)) {
    const last = ranges.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
}

describe('Close codes that may be sent', () => {
  it('are the assigned ones and the private ranges, of all 65,536 (RFC 6455 §7.4)', () => {
    expect(rangesOf(isSendableCloseCode)).toEqual(['1000-1003', '1007-1014', '3000-4999']);
  });

  it('are integers', () => {
    for (const code of [1000.5, 3000.5, Number.NaN]) expect(isSendableCloseCode(code)).toBe(false);
  });

  it('are all the registered ones but 1005, 1006 and 1015 (RFC 6455 §7.4.1)', () => {
    const unsendable = Object.values(CloseCode).filter((code) => !isSendableCloseCode(code));
    expect(unsendable).toEqual([
      CloseCode.NO_STATUS_RECEIVED,
      CloseCode.ABNORMAL_CLOSURE,
      CloseCode.TLS_HANDSHAKE,
    ]);
  });
});

describe('Close codes that an application may give', () => {
  it('are 1000 and the private ranges (WHATWG WebSockets §3.1)', () => {
    expect(rangesOf(isApplicationCloseCode)).toEqual(['1000', '3000-4999']);
  });

  it('are integers', () => {
    for (const code of [3000.5, Number.NaN, Number.POSITIVE_INFINITY, -1000]) {
      expect(isApplicationCloseCode(code)).toBe(false);
    }
  });
});

describe('CloseCode', () => {
  it('has the numbers of RFC 6455 §7.4.1 and the registry of §11.7', () => {
    expect(CloseCode).toEqual({
      NORMAL_CLOSURE: 1000,
      GOING_AWAY: 1001,
      PROTOCOL_ERROR: 1002,
      UNSUPPORTED_DATA: 1003,
      NO_STATUS_RECEIVED: 1005,
      ABNORMAL_CLOSURE: 1006,
      INVALID_PAYLOAD_DATA: 1007,
      POLICY_VIOLATION: 1008,
      MESSAGE_TOO_BIG: 1009,
      MANDATORY_EXTENSION: 1010,
      INTERNAL_ERROR: 1011,
      SERVICE_RESTART: 1012,
      TRY_AGAIN_LATER: 1013,
      BAD_GATEWAY: 1014,
      TLS_HANDSHAKE: 1015,
    });
  });
});
