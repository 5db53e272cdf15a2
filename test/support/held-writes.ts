/** Has the writes of a stream wait, as those to a peer that reads nothing. */

import type { Duplex } from 'node:stream';

/** Holds what is written from now on. Returns what lets it go. */
export function holdWrites(stream: Duplex): () => void {
  const { _write, _writev } = stream;
  const held: (() => void)[] = [];
  stream._write = (...values) => void held.push(() => _write.apply(stream, values));
  if (typeof _writev === 'function') {
    stream._writev = (...values) => void held.push(() => _writev.apply(stream, values));
  }
  return () => {
    stream._write = _write;
    if (typeof _writev === 'function') stream._writev = _writev;
    for (const write of held.splice(0)) write();
  };
}
