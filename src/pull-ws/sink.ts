/** `sanswire/pull-ws/sink`: the function sink, which is also its own member `sink`. */

import { sink as sinkFunction } from '../compat/pull-ws/sink.ts';

/** Makes a pull-stream sink that sends to a WebSocket. */
export const sink: typeof sinkFunction & { readonly sink: typeof sinkFunction } = Object.assign(
  sinkFunction,
  { sink: sinkFunction },
);

export { sink as default };
