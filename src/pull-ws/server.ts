/** `sanswire/pull-ws/server`: the function createServer of `sanswire/pull-ws`, by itself. */

export {
  createServer,
  createServer as default,
  createServer as 'module.exports',
} from '../compat/pull-ws/server.ts';
