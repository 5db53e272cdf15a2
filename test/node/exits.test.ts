/**
 * What was sent before the process exits arrives, as far as the system takes it at once: processes
 * of their own, which import the package from dist/, against a peer that nobody here wrote.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { ensureBuilt } from '../examples/running.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Programs that connect to `url`, and define `open`, `message`, `send` and `close`. */
const FACES: Readonly<Record<string, string>> = {
  sanswire: `
    import { Client } from 'sanswire';
    const socket = new Client(url);
    const [open, message] = ['open', 'message'];
    const send = (text) => socket.send(text);
    const close = () => socket.close(1000);`,
  'sanswire/ws': `
    import WebSocket from 'sanswire/ws';
    const socket = new WebSocket(url);
    const [open, message] = ['open', 'message'];
    const send = (text) => socket.send(text);
    const close = () => socket.close(1000);`,
  'sanswire/nodejs-websocket': `
    import { connect } from 'sanswire/nodejs-websocket';
    const socket = connect(url);
    const [open, message] = ['connect', 'text'];
    const send = (text) => socket.sendText(text);
    const close = () => socket.close(1000);`,
};

/** Does something outside a read, once it is open. */
const whenOpen = (code: string): string => `socket.on(open, () => setImmediate(() => {${code}}));`;

const SEND_ALL = "for (const text of 'abc') send(text);";

/** What a program does. */
const ACTS: Readonly<Record<string, { readonly code: string; readonly wanted: string[] }>> = {
  'process.exit()': {
    code: whenOpen(`${SEND_ALL} process.exit();`),
    wanted: ['a', 'b', 'c', 'closed 1006'],
  },
  'an uncaught throw': {
    code: whenOpen(`${SEND_ALL} throw new Error('on purpose');`),
    wanted: ['a', 'b', 'c', 'closed 1006'],
  },
  'process.exit() within a read': {
    code: `socket.on(message, () => { ${SEND_ALL} process.exit(); });`,
    wanted: ['a', 'b', 'c', 'closed 1006'],
  },
  'process.exit() in a callback of the same turn': {
    code: whenOpen(`${SEND_ALL} process.nextTick(() => process.exit());`),
    wanted: ['a', 'b', 'c', 'closed 1006'],
  },
  'process.exit() behind close()': {
    code: whenOpen("send('a'); close(); process.exit();"),
    wanted: ['a', 'closed 1000'],
  },
  "the end of a listener of 'exit' that sends": {
    code: whenOpen(`
      process.on('exit', () => {
        send('b');
        send('c');
      });
      send('a');
      process.exit();`),
    wanted: ['a', 'b', 'c', 'closed 1006'],
  },
  "a listener of 'exit' that throws": {
    code: whenOpen(`
      process.on('exit', () => { throw new Error('on purpose'); });
      ${SEND_ALL}
      process.exit();`),
    wanted: ['a', 'b', 'c', 'closed 1006'],
  },
  // The 'exit' event does not come: what has left within the call arrives all the same.
  'process.kill() with SIGKILL': {
    code: whenOpen("send('a'); process.kill(process.pid, 'SIGKILL');"),
    wanted: ['a', 'closed 1006'],
  },
};

beforeAll(ensureBuilt);

describe.each(Object.keys(FACES))('What %s has sent', (face) => {
  it.each(Object.keys(ACTS))('arrives before %s', async (act) => {
    const { code, wanted } = ACTS[act]!;
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const program = `const url = 'ws://127.0.0.1:${port}/';${FACES[face]}${code}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: root });
    onTestFinished(() => void child.kill('SIGKILL'));
    const errors = text(child.stderr);
    const received: string[] = [];
    const [socket] = await once(server, 'connection');
    socket.on('message', (data: Buffer) => received.push(String(data)));
    socket.on('error', () => {});
    socket.send('go');
    const [closeCode] = await once(socket, 'close');
    received.push(`closed ${closeCode}`);
    expect(received, await errors).toEqual(wanted);
  });
});
