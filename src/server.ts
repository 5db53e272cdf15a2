/**
 * `sanswire/server`: WebSockets on the HTTP servers of an application, with admission, limits, and
 * an orderly end (docs/server.md).
 */

export { attach } from './server/attach.ts';
export type { DrainCounts, DrainOptions } from './server/drain.ts';
export type { Answer, AttachOptions, Authorize, ChooseProtocol } from './server/options.ts';
export { refuse } from './server/refuse.ts';
export type { SocketSet, SocketSetEvents } from './server/socket-set.ts';
export type { SocketSetStats } from './server/totals.ts';
export type { Path } from './server/upgrade-router.ts';
