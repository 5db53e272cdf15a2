/**
 * Node's Duplex under a type that knows the events of a Socket; everything else about it is Node's. There is no behaviour here.
 */

import { Duplex, type DuplexOptions } from 'node:stream';
import type { UntypedListener } from '../typed-emitter.ts';
import type { Incoming } from './incoming.ts';

/** The methods of Duplex that take listeners, with those of a Socket typed. */
export interface SocketStream extends Duplex {
  on(name: 'incoming', listener: (this: this, incoming: Incoming) => void): this;
  on(name: 'error', listener: (this: this, error: Error) => void): this;
  on(name: string | symbol, listener: UntypedListener<this>): this;
  once(name: 'incoming', listener: (this: this, incoming: Incoming) => void): this;
  once(name: 'error', listener: (this: this, error: Error) => void): this;
  once(name: string | symbol, listener: UntypedListener<this>): this;
  addListener(name: 'incoming', listener: (this: this, incoming: Incoming) => void): this;
  addListener(name: 'error', listener: (this: this, error: Error) => void): this;
  addListener(name: string | symbol, listener: UntypedListener<this>): this;
}

/** The class itself. */
export const SocketStream: new (options?: DuplexOptions) => SocketStream =
  Duplex as unknown as new (
    options?: DuplexOptions,
  ) => SocketStream;
