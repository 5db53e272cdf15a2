/** `sanswire/pull-ws/sink`: the function sink of `sanswire/pull-ws`, by itself. */

export { sink, sink as default, sink as 'module.exports' } from '../compat/pull-ws/sink.ts';
