/** `sanswire/pull-ws/client`: the function connect, which is also its own member `connect`. */

import { connect as connectFunction } from '../compat/pull-ws/client.ts';

/** Connects to a server. */
export const connect: typeof connectFunction & { readonly connect: typeof connectFunction } =
  Object.assign(connectFunction, { connect: connectFunction });

export type { ClientDuplex, ConnectOptions } from '../compat/pull-ws/client.ts';
export { connect as default };
