/**
 * A platform for the tests of the handshake, made of node:crypto: digests and randomness. The
 * handshake asks for nothing else, so the rest refuses to be called.
 */

import { createHash, randomBytes } from 'node:crypto';
import type { Platform } from '../../src/platform.ts';

function unused(): never {
  throw new Error('The handshake does not use this part of a platform');
}

export const testPlatform: Platform = {
  allocate: unused,
  copy: unused,
  view: unused,
  decodeText: unused,
  maxTextLength: 0,
  isText: unused,
  textLength: unused,
  encodeText: unused,
  mask: unused,
  maskingKey: unused,
  randomBase64: (byteLength) => randomBytes(byteLength).toString('base64'),
  sha1Base64: (text) => createHash('sha1').update(text).digest('base64'),
};

/** Makes a platform whose keys are known: the key of RFC 6455 §1.3 by default. */
export function platformWithKey(key = 'dGhlIHNhbXBsZSBub25jZQ=='): Platform {
  return { ...testPlatform, randomBase64: () => key };
}
