/** Messages both ways, as in `ws`: data, callbacks, pieces, control frames, pauses. */

import type { Socket as NetSocket } from 'node:net';
import { describe } from 'vitest';
import {
  closed,
  logEvents,
  once,
  pair,
  type Socket,
  same,
  serve,
  show,
  showError,
} from './libraries.ts';
import { maskedFrame, RawClient, requestLines } from './raw-peer.ts';

/** Bytes of a view that is a part of its memory. */
const part = new Uint8Array([9, 65, 66, 67, 9]).subarray(1, 4);

const DATA: { readonly [name: string]: unknown } = {
  'a string': 'text é €',
  'an empty string': '',
  'a number': 123,
  'a Buffer': Buffer.from('buffer'),
  'a Uint8Array': part,
  'a Uint16Array': new Uint16Array([0x4142, 0x4344]),
  'a DataView': new DataView(part.buffer, part.byteOffset, part.byteLength),
  'an ArrayBuffer': new Uint8Array([65, 66]).buffer,
  'an array of numbers': [65, 66, 67],
  'a Blob': new Blob(['blob']),
  undefined: undefined,
  null: null,
};

describe('send', () => {
  for (const [name, data] of Object.entries(DATA)) {
    same(`${name}, at both ends and with binary true and false`, async (library, log) => {
      const { server, client, peer } = await pair(library);
      for (const [from, to] of [
        [client, peer],
        [peer, client],
      ] as const) {
        for (const options of [undefined, { binary: true }, { binary: false }]) {
          const heard = once(to, 'message');
          if (options === undefined) from.send(data as string);
          else from.send(data as string, options);
          const [message, isBinary] = await heard;
          log.push(`${show(message)} ${isBinary}`);
        }
      }
      client.terminate();
      server.close();
    });
  }

  for (const data of [{}, true, Symbol('x'), () => {}]) {
    same(`throws for ${typeof data}`, async (library, log) => {
      const { server, client } = await pair(library);
      try {
        client.send(data as unknown as string);
        log.push('sent');
      } catch (error) {
        log.push((error as Error).constructor.name);
      }
      client.terminate();
      server.close();
    });
  }

  same(
    'takes the callback second or third, and calls it once, later, in order',
    async (library, log) => {
      const { server, client, peer } = await pair(library);
      peer.on('message', (data) => log.push(`heard ${data}`));
      const all = new Promise<void>((resolve) => {
        client.send('1', (error) => log.push(`1 ${showError(error)}`));
        client.send('2', {}, (error) => log.push(`2 ${showError(error)}`));
        client.send(Buffer.alloc(3), { binary: false }, (error) => {
          log.push(`3 ${showError(error)}`);
          resolve();
        });
      });
      log.push('sent');
      await all;
      await new Promise((resolve) => setTimeout(resolve, 50));
      log.sort((a, b) => Number(a.startsWith('heard')) - Number(b.startsWith('heard')));
      client.terminate();
      server.close();
    },
  );

  same('in pieces, with Pings between them', async (library, log) => {
    const { server, client, peer } = await pair(library);
    logEvents(log, 'server', peer);
    client.send('one ', { fin: false });
    client.ping('between');
    client.send(Buffer.from('two '), { fin: false });
    client.send('three', { fin: true });
    client.send(Buffer.from('é'), { fin: false, binary: false });
    client.send('', { fin: true });
    client.send(Buffer.from('bin'), { fin: false });
    client.send('ary');
    client.send('whole');
    client.close();
    await closed(client, peer);
    server.close();
  });

  same('keeps the order behind a Blob, up to the Close', async (library, log) => {
    const { server, client, peer } = await pair(library);
    logEvents(log, 'server', peer);
    client.send(new Blob(['first']), (error) => log.push(`blob ${showError(error)}`));
    client.send('second');
    client.ping('third');
    client.send(new Blob(['fourth']), { binary: false });
    client.send('fifth', { fin: false });
    client.send('sixth');
    client.close(1000, 'last');
    await closed(client, peer);
    server.close();
  });

  same('checks arguments at the call behind a Blob, and keeps the order', async (library, log) => {
    const { server, client, peer } = await pair(library);
    logEvents(log, 'server', peer);
    client.send(new Blob(['first']));
    for (const method of ['ping', 'pong'] as const) {
      try {
        client[method](Buffer.alloc(126));
      } catch (error) {
        log.push(showError(error as Error));
      }
    }
    client.ping('second');
    client.send('third');
    client.close();
    await closed(client, peer);
    server.close();
  });

  same('a Blob that cannot be read is an error, and ends the connection', async (library, log) => {
    const { server, client, peer } = await pair(library);
    const clientLog: string[] = [];
    logEvents(clientLog, 'client', client);
    const blob = new Blob(['blob']);
    blob.arrayBuffer = () => Promise.reject(new RangeError('unreadable'));
    const told = (name: string) => (error?: Error) =>
      void log.push(`${name} ${error !== undefined}`);
    client.send(blob, told('blob'));
    client.send('behind', told('behind'));
    await closed(client, peer);
    log.sort();
    log.push(...clientLog);
    server.close();
  });

  same('too late: the callback gets an error, the bytes stay counted', async (library, log) => {
    const { server, client, peer } = await pair(library);
    client.close();
    for (const method of ['send', 'ping', 'pong'] as const) {
      const send = client[method] as (...values: unknown[]) => void;
      send.call(client, 'late', (error: Error) => log.push(`${showError(error)} ${error.message}`));
      send.call(client, 'late');
    }
    log.push(`sync ${client.bufferedAmount > 0}`);
    await closed(client, peer);
    client.send('closed', (error) => log.push(`${showError(error)} ${error?.message}`));
    client.send(new Blob(['closed']));
    await new Promise((resolve) => setTimeout(resolve, 5));
    server.close();
  });
});

describe('ping and pong', () => {
  same('take data, mask and callback in any number', async (library, log) => {
    const { server, client, peer } = await pair(library, { autoPong: false });
    logEvents(log, 'server', peer);
    await new Promise<void>((resolve) => {
      client.ping();
      client.ping('text');
      client.ping(Buffer.from('bytes'), true);
      client.ping(123);
      client.ping(() => log.push('called 1'));
      client.ping('x', () => log.push('called 2'));
      client.pong('y', true, () => {
        log.push('called 3');
        resolve();
      });
    });
    client.close();
    await closed(client, peer);
    log.sort();
    server.close();
  });

  same('take Blobs, and keep the order', async (library, log) => {
    const { server, client, peer } = await pair(library, { autoPong: false });
    logEvents(log, 'server', peer);
    const told: string[] = [];
    client.ping(new Blob(['first']), (error: Error) => told.push(showError(error)));
    client.ping('second');
    client.send('third');
    client.pong(new Blob(['fourth']), true, () => told.push('fourth'));
    client.pong('fifth', true, () => told.push('fifth'));
    for (const method of ['ping', 'pong'] as const) {
      try {
        client[method](new Blob(['x'.repeat(126)]));
      } catch (error) {
        log.push(showError(error as Error));
      }
    }
    client.close(1000, 'last');
    client.ping(new Blob(['late']), (error: Error) => told.push(showError(error)));
    await closed(client, peer);
    log.push(...told.sort());
    server.close();
  });

  same('that cannot be read are an error, and end the connection', async (library, log) => {
    const { server, client, peer } = await pair(library);
    const clientLog: string[] = [];
    logEvents(clientLog, 'client', client);
    const blob = new Blob(['blob']);
    blob.arrayBuffer = () => Promise.reject(new RangeError('unreadable'));
    const told = (name: string) => (error?: Error) =>
      void log.push(`${name} ${error !== undefined}`);
    client.ping(blob, false, told('blob'));
    client.ping('behind', false, told('behind'));
    client.send('message', told('message'));
    await closed(client, peer);
    log.sort();
    log.push(...clientLog);
    server.close();
  });

  same('are errors for more than 125 bytes', async (library, log) => {
    const { server, client } = await pair(library);
    for (const method of ['ping', 'pong'] as const) {
      try {
        client[method]('x'.repeat(126));
      } catch (error) {
        log.push(showError(error as Error));
      }
    }
    client.terminate();
    server.close();
  });

  same('are answered by themselves, unless autoPong is false', async (library, log) => {
    for (const autoPong of [true, false]) {
      const { server, client, peer } = await pair(library, { autoPong });
      logEvents(log, 'client', client);
      peer.on('ping', (data) => {
        log.push(`server ping ${show(data)}`);
        if (!autoPong) peer.pong('by hand');
      });
      client.ping('payload');
      await once(client, 'pong');
      client.terminate();
      await closed(client);
      server.close();
    }
  });
});

describe('close', () => {
  const wrong: readonly unknown[][] = [
    [0],
    [999],
    [1004],
    [1005],
    [1006],
    [1015],
    [2999],
    [5000],
    ['1000'],
    [1000, 'x'.repeat(124)],
  ];
  for (const values of wrong) {
    same(`throws for ${JSON.stringify(values).slice(0, 20)}`, async (library, log) => {
      const { server, client } = await pair(library);
      try {
        (client.close as (...values: unknown[]) => void)(...values);
        log.push('closed');
      } catch (error) {
        log.push(showError(error as Error));
      }
      client.terminate();
      server.close();
    });
  }
});

describe('binaryType', () => {
  for (const type of ['nodebuffer', 'arraybuffer', 'fragments', 'blob', 'nonsense'] as const) {
    same(type, async (library, log) => {
      const { server, client, peer } = await pair(library);
      client.binaryType = type as 'nodebuffer';
      log.push(client.binaryType);
      client.on('message', (data, isBinary) => log.push(`${show(data)} ${isBinary}`));
      client.addEventListener('message', ({ data }) => log.push(show(data)));
      peer.send(Buffer.from('bytes'));
      peer.send('text');
      peer.send(Buffer.alloc(0));
      peer.close();
      await closed(client);
      server.close();
    });
  }
});

describe('receiving', () => {
  same('skipUTF8Validation lets any text pass', async (library, log) => {
    const { server, port } = await serve(library, { skipUTF8Validation: true });
    server.on('connection', (socket) => logEvents(log, 'server', socket));
    const client = new RawClient(port);
    await client.upgrade(requestLines());
    client.socket.write(Buffer.concat([maskedFrame(0x81, '\xc3\x28'), maskedFrame(0x88)]));
    await client.ended;
    client.socket.end();
    server.close();
    await once(server, 'close');
  });

  same(
    'allowSynchronousEvents: false puts each event into a turn of its own',
    async (library, log) => {
      const { server, port } = await serve(library, { allowSynchronousEvents: false });
      server.on('connection', (socket) => {
        let turn = 0;
        const tick = (): void => {
          turn++;
          if (socket.readyState < 3) setImmediate(tick);
        };
        let last = -1;
        const note = (what: string): void => {
          log.push(`${what} ${turn !== last}`);
          last = turn;
        };
        socket.on('message', (data) => note(String(data)));
        socket.on('ping', () => note('ping'));
        socket.on('close', (code) => log.push(`close ${code}`));
        setImmediate(tick);
      });
      const client = new RawClient(port);
      await client.upgrade(requestLines());
      const frames = ['1', '2', '3'].map((text) => maskedFrame(0x81, text));
      client.socket.write(Buffer.concat([...frames, maskedFrame(0x89, 'p'), maskedFrame(0x88)]));
      await client.ended;
      client.socket.end();
      server.close();
      await once(server, 'close');
    },
  );

  const endings: { readonly [name: string]: (socket: Socket) => void } = {
    'terminate()': (socket) => socket.terminate(),
    'the end of the socket': (socket) => socket._socket?.destroy(),
    'an error of the socket': (socket) => socket._socket?.destroy(new Error('own')),
  };
  for (const [name, end] of Object.entries(endings)) {
    for (const allowSynchronousEvents of [true, false]) {
      const mode = allowSynchronousEvents ? 'one turn' : 'turns of their own';
      same(`delivers what came before ${name}, in ${mode}`, async (library, log) => {
        const { server, port } = await serve(library, { allowSynchronousEvents });
        const ended = once(server, 'close');
        server.on('connection', (socket) => {
          logEvents(log, 'server', socket);
          socket.once('message', () => {
            end(socket);
            // A pause holds nothing back any more.
            socket.pause();
          });
          socket.on('close', () => server.close());
        });
        const client = new RawClient(port);
        await client.upgrade(requestLines());
        const frames = ['1', '2', '3'].map((text) => maskedFrame(0x81, text));
        client.socket.write(Buffer.concat(frames));
        await ended;
      });
    }
  }

  same('terminate() of a paused socket delivers what came before', async (library, log) => {
    const { server, client, peer } = await pair(library);
    logEvents(log, 'server', peer);
    const socket = peer._socket as NetSocket;
    const { bytesRead } = socket;
    peer.pause();
    client.send('unread');
    while (socket.bytesRead === bytesRead) await new Promise(setImmediate);
    peer.terminate();
    await closed(client, peer);
    server.close();
  });

  same('pause() holds messages back, resume() lets them come', async (library, log) => {
    const { server, client, peer } = await pair(library);
    client.on('message', (data) => log.push(`message ${data}`));
    client.pause();
    log.push(`paused ${client.isPaused}`);
    peer.send('held');
    await new Promise((resolve) => setTimeout(resolve, 50));
    log.push('still');
    client.resume();
    log.push(`paused ${client.isPaused}`);
    await once(client, 'message');
    client.close();
    await closed(client, peer);
    client.pause();
    log.push(`paused ${client.isPaused}`);
    server.close();
  });

  same('a paused socket that loses its transport still closes', async (library, log) => {
    const { server, client, peer } = await pair(library);
    logEvents(log, 'server', peer);
    const socket = peer._socket as NetSocket;
    const { bytesRead } = socket;
    peer.pause();
    client.send('unread');
    while (socket.bytesRead === bytesRead) await new Promise(setImmediate);
    socket.destroy();
    await closed(client, peer);
    server.close();
  });
});

describe('the EventTarget side', () => {
  same('gives event objects, text as a string, and each function once', async (library, log) => {
    const { server, client, peer } = await pair(library);
    const listener = (event: { type: string; target: unknown; data?: unknown }): void => {
      log.push(`${event.type} ${event.target === client} ${show(event.data)}`);
    };
    client.addEventListener('message', listener);
    client.addEventListener('message', listener);
    client.addEventListener('message', listener, { once: true });
    client.addEventListener('message', {
      handleEvent: (event) => log.push(`object ${event.type}`),
    });
    client.onmessage = function (this: unknown, event) {
      log.push(`on ${show(event.data)} ${this === client}`);
    };
    log.push(`${client.listenerCount('message')} ${typeof client.onmessage}`);
    peer.send('text');
    peer.send(Buffer.from('bytes'));
    await once(client, 'message');
    await new Promise((resolve) => setTimeout(resolve, 10));
    client.removeEventListener('message', listener);
    client.removeEventListener('message', () => {});
    client.onmessage = null;
    log.push(`${client.listenerCount('message')} ${client.onmessage}`);
    client.onclose = (event) => {
      log.push(`close ${event.code} ${event.reason} ${event.wasClean} ${event.target === client}`);
    };
    client.addEventListener('close', () => log.push('once'), { once: true });
    client.close(4000, 'reason');
    await closed(client, peer);
    server.close();
  });

  same('has attributes that hold one function or null', (library, log) => {
    const socket = new library(null as unknown as string, undefined, {});
    for (const name of ['onopen', 'onmessage', 'onclose', 'onerror'] as const) {
      log.push(`${socket[name]}`);
      const first = (): void => void log.push('first');
      const second = (): void => void log.push('second');
      socket[name] = first;
      socket[name] = second;
      log.push(`${socket[name] === second} ${socket.listenerCount(name.slice(2))}`);
      socket[name] = 'no function' as unknown as null;
      log.push(`${socket[name]} ${socket.listenerCount(name.slice(2))}`);
    }
    socket.addEventListener('unknown' as 'open', () => {});
    log.push(`${socket.listenerCount('unknown')}`);
  });

  same('has its members on the prototype, as they are described there', (library, log) => {
    const types = ['open', 'message', 'error', 'close'].map((type) => `on${type}`);
    for (const name of [...types, 'url', 'addEventListener', 'removeEventListener', 'send']) {
      const found = Object.getOwnPropertyDescriptor(library.prototype, name);
      const { get, set, value, enumerable, configurable } = found ?? {};
      const kinds = [get, set, value].map((one) => typeof one);
      log.push(`${name} ${kinds} ${enumerable} ${configurable}`);
    }
  });

  same('has the constants on the class, its prototype and its instances', (library, log) => {
    const socket = new library(null as unknown as string, undefined, {});
    for (const name of ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const) {
      log.push(`${library[name]} ${library.prototype[name]} ${socket[name]}`);
      const { writable, enumerable } = Object.getOwnPropertyDescriptor(library, name) ?? {};
      log.push(`${writable} ${enumerable}`);
    }
  });
});
