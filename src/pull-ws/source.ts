/** `sanswire/pull-ws/source`: the function source, which is also its own member `source`. */

import { source as sourceFunction } from '../compat/pull-ws/source.ts';

/** Makes a pull-stream source of what a WebSocket receives. */
export const source: typeof sourceFunction & { readonly source: typeof sourceFunction } =
  Object.assign(sourceFunction, { source: sourceFunction });

export { source as default };
