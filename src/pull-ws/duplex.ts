/** `sanswire/pull-ws/duplex`: the function duplex, which is also its own member `duplex`. */

import { duplex as duplexFunction } from '../compat/pull-ws/duplex.ts';

/** Makes a duplex pull-stream of a WebSocket. */
export const duplex: typeof duplexFunction & { readonly duplex: typeof duplexFunction } =
  Object.assign(duplexFunction, { duplex: duplexFunction });

export { duplex as default };
