import { describe, expect, it } from 'vitest';
import { namedRsv, rsvOf } from '../../src/extensions/message.ts';
import { RSV1, RSV2, RSV3 } from '../../src/frame/frame-header.ts';
import { plugIn } from './plug-ins.ts';

describe('rsvOf', () => {
  it('puts the bits of an extension or message where a frame has them (RFC 6455 §5.2)', () => {
    expect(rsvOf(plugIn())).toBe(0);
    expect(rsvOf(plugIn({ rsv1: true }))).toBe(RSV1);
    expect(rsvOf(plugIn({ rsv2: true, rsv3: true }))).toBe(RSV2 | RSV3);
  });

  it('undoes namedRsv', () => {
    for (const rsv of [0, RSV1, RSV2, RSV3, RSV1 | RSV3]) expect(rsvOf(namedRsv(rsv))).toBe(rsv);
    expect(namedRsv(RSV2)).toEqual({ rsv1: false, rsv2: true, rsv3: false });
  });
});
