/**
 * The frames of drafts hixie-75 and hixie-76 (draft-ietf-hybi-thewebsocketprotocol-00 §5.3, which
 * is hixie-76), and writing them. draft-frame-parser.ts reads them.
 *
 *     text      00, UTF-8, FF: no byte of UTF-8 is FF
 *     binary    a byte from 80 on, the length in 7-bit groups, that many bytes; without meaning
 *     closing   FF 00, a binary frame of length 0; hixie-76 only
 */

import type { Platform } from '../platform.ts';

/** The byte that ends a text frame. */
export const TEXT_FRAME_END = 0xff;
/** The type byte of the closing frame, whose length is 0. */
export const CLOSING_FRAME_TYPE = 0xff;
/** The bytes of a text frame besides its payload. */
export const TEXT_FRAME_OVERHEAD = 2;

/** The closing frame of hixie-76, shared: do not write to it. */
export const CLOSING_FRAME: Uint8Array = new Uint8Array([CLOSING_FRAME_TYPE, 0x00]);

/** Returns the text frame of a string; a lone surrogate becomes U+FFFD. */
export function serializeDraftText(platform: Platform, text: string): Uint8Array {
  const frame = frameOf(platform, platform.textLength(text));
  platform.encodeText(text, frame, 1);
  return frame;
}

/**
 * Returns the text frame of UTF-8 bytes, which are not validated further.
 * @throws TypeError when there is a byte FF: what follows it would be read as frames
 */
export function serializeDraftBytes(platform: Platform, bytes: Uint8Array): Uint8Array {
  if (bytes.includes(TEXT_FRAME_END)) throw new TypeError('The text is not valid UTF-8');
  const frame = frameOf(platform, bytes.length);
  frame.set(bytes, 1);
  return frame;
}

function frameOf(platform: Platform, payloadLength: number): Uint8Array {
  const frame = platform.allocate(payloadLength + TEXT_FRAME_OVERHEAD);
  frame[0] = 0x00;
  frame[payloadLength + 1] = TEXT_FRAME_END;
  return frame;
}
