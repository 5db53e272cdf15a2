// CommonJS without esModuleInterop: `import x = require()`, or `import *`.
import * as sanswire from 'sanswire';
import { WebSocketStream } from 'sanswire/streams';
import * as ws from 'sanswire/ws';

import WebSocket = require('sanswire/ws');

export const sockets: WebSocket[] = [new WebSocket('ws://x'), new ws.WebSocket('ws://x')];
export const server: ws.WebSocketServer = new ws.Server({ port: 0 });
export const client: sanswire.Client = new sanswire.Client('ws://x');
export const stream = new WebSocketStream('ws://x');
// @ts-expect-error: no such property, so types are really there
client.nope;
