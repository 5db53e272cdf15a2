/**
 * Sends a piece of a message on a connection of the engine, as an application does with fragments.
 */

import type { WriteCallback } from '../../src/calls.ts';
import type { Connection } from '../../src/connection/connection.ts';
import { utf8 } from './hex.ts';

/** @param isText - by default when the piece is a string */
export function sendFragment(
  connection: Connection,
  data: string | Uint8Array,
  isLast: boolean,
  callback?: WriteCallback,
  isText: boolean = typeof data === 'string',
): boolean {
  const bytes = typeof data === 'string' ? utf8(data) : data;
  return connection.send(bytes, callback, { isText, isLast });
}
