/** `sanswire/pull-ws/source`: the function source of `sanswire/pull-ws`, by itself. */

export { source, source as default, source as 'module.exports' } from '../compat/pull-ws/source.ts';
