/**
 * The layout of the frames of drafts hixie-75 and hixie-76 (draft-ietf-hybi-thewebsocketprotocol-00 §5.3, which is
 * hixie-76), and writing them.
 *
 *     text      00, UTF-8, FF: no byte of UTF-8 is FF
 *     binary    a byte from 80 on, the length in 7-bit groups, as many bytes; nobody gave them a meaning
 *     closing   FF 00, which is a binary frame of no length; hixie-76 only
 *
 * We send text and closing frames. Reading frames is the job of draft-frame-parser.ts.
 */

import type { Platform } from '../platform.ts';

/** The type byte of the text frames that we send. */
export const TEXT_FRAME_TYPE = 0x00;
/** The byte that ends a text frame. */
export const TEXT_FRAME_END = 0xff;
/** The bit of the type byte that announces a length. */
export const LENGTH_FRAME_BIT = 0x80;
/** The type byte of the closing frame, whose length is 0. */
export const CLOSING_FRAME_TYPE = 0xff;
/** The bit of a length byte that says that another one follows. */
export const LENGTH_CONTINUES = 0x80;
/** The bits of a length byte that belong to the length, most significant group first. */
export const LENGTH_GROUP_BITS = 0x7f;

/** What surrounds the payload of a text frame: the type byte and the end byte. */
export const TEXT_FRAME_OVERHEAD = 2;

/** The closing frame of hixie-76; nobody may write to it. */
export const CLOSING_FRAME: Uint8Array = new Uint8Array([CLOSING_FRAME_TYPE, 0x00]);

/** Returns the text frame of a string; a lone surrogate becomes U+FFFD. */
export function serializeDraftText(platform: Platform, text: string): Uint8Array {
  const length = platform.textLength(text);
  const frame = frameOf(platform, length);
  platform.encodeText(text, frame, 1);
  return frame;
}

/**
 * Returns the text frame of what is UTF-8 already.
 *
 * @param bytes - the text; it is not checked, except that it must not end the frame
 * @throws TypeError when it has a byte FF, after which the rest would be read as frames
 */
export function serializeDraftBytes(platform: Platform, bytes: Uint8Array): Uint8Array {
  if (bytes.includes(TEXT_FRAME_END)) throw new TypeError('The text is not valid UTF-8');
  const frame = frameOf(platform, bytes.length);
  frame.set(bytes, 1);
  return frame;
}

function frameOf(platform: Platform, payloadLength: number): Uint8Array {
  const frame = platform.allocate(payloadLength + TEXT_FRAME_OVERHEAD);
  frame[0] = TEXT_FRAME_TYPE;
  frame[payloadLength + 1] = TEXT_FRAME_END;
  return frame;
}
