/** `sanswire/pull-ws/duplex`: the function duplex of `sanswire/pull-ws`, by itself. */

export { duplex, duplex as default, duplex as 'module.exports' } from '../compat/pull-ws/duplex.ts';
