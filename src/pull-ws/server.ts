/** `sanswire/pull-ws/server`: the function createServer, also its own member `createServer`. */

import { createServer as createServerFunction } from '../compat/pull-ws/server.ts';

/** Makes a server whose connections are duplex pull-streams. */
export const createServer: typeof createServerFunction & {
  readonly createServer: typeof createServerFunction;
} = Object.assign(createServerFunction, { createServer: createServerFunction });

export { createServer as default };
