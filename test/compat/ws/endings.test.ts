/** How connections end: the same events in the same order, with the same codes, as in `ws`. */

import { describe } from 'vitest';
import { closed, logEvents, once, pair, type Socket, same, serve, showError } from './libraries.ts';
import { acceptLines, frame, maskedFrame, RawClient, requestLines, serveRaw } from './raw-peer.ts';

describe('closing', () => {
  const closings: { readonly [name: string]: (client: Socket, peer: Socket) => void } = {
    'by the client with code and reason': (client) => client.close(1000, 'bye'),
    'by the client without a code': (client) => client.close(),
    'by the client with a private code': (client) => client.close(4001, 'because'),
    'by the server with code and reason': (_client, peer) => peer.close(1001, 'going'),
    'by the server without a code': (_client, peer) => peer.close(),
    'by the server with a reason of bytes': (_client, peer) => peer.close(1000, Buffer.from('é')),
    'by both at once': (client, peer) => {
      client.close(4000, 'client');
      peer.close(4001, 'server');
    },
    'twice by the same end': (client) => {
      client.close(1000, 'first');
      client.close(1001, 'second');
    },
    'behind a message': (client) => {
      client.send('last words');
      client.close(1000);
    },
    'by terminate() of the client': (client) => client.terminate(),
    'by terminate() of the server': (_client, peer) => peer.terminate(),
    'by terminate() behind close()': (client) => {
      client.close(1000);
      client.terminate();
    },
    'by the loss of the transport': (client) => client._socket?.destroy(),
  };
  for (const [name, close] of Object.entries(closings)) {
    same(name, async (library, log) => {
      const { server, client, peer } = await pair(library);
      const clientLog: string[] = [];
      const peerLog: string[] = [];
      logEvents(clientLog, 'client', client);
      logEvents(peerLog, 'server', peer);
      client.addEventListener('close', (event) => {
        clientLog.push(`client close event ${event.code} ${event.reason} ${event.wasClean}`);
      });
      close(client, peer);
      clientLog.push(`client state=${client.readyState}`);
      await closed(client, peer);
      log.push(...clientLog, ...peerLog);
      client.close();
      client.terminate();
      log.push(`${client.readyState} ${server.clients.size}`);
      server.close();
    });
  }
});

/** Frames with which a client breaks a rule; the payloads are masked with zeros. */
const FAULTY: { readonly [name: string]: Buffer } = {
  'RSV1 without compression': maskedFrame(0xc1, 'x'),
  RSV2: maskedFrame(0xa1, 'x'),
  RSV3: maskedFrame(0x91, 'x'),
  'RSV1 and RSV2': maskedFrame(0xe1, 'x'),
  'RSV1 on a Ping': maskedFrame(0xc9, 'x'),
  'RSV1 on a continuation': Buffer.concat([maskedFrame(0x01, 'x'), maskedFrame(0xc0, 'x')]),
  'an unknown data opcode': maskedFrame(0x83, 'x'),
  'an unknown control opcode': maskedFrame(0x8b, 'x'),
  'a frame that is not masked': frame(0x81, 'x'),
  'a continuation of nothing': maskedFrame(0x80, 'x'),
  'a message within a message': Buffer.concat([maskedFrame(0x01, 'x'), maskedFrame(0x81, 'x')]),
  'a fragmented Ping': maskedFrame(0x09, 'x'),
  'a Ping of 126 bytes': maskedFrame(0x89, 'x'.repeat(126)),
  'a Close of one byte': maskedFrame(0x88, 'x'),
  'close code 1005': maskedFrame(0x88, '\x03\xed'),
  'close code 999': maskedFrame(0x88, '\x03\xe7'),
  'close code 1016': maskedFrame(0x88, '\x03\xf8'),
  'a close reason that is not UTF-8': maskedFrame(0x88, '\x03\xe8\xc3\x28'),
  'text that is not UTF-8': maskedFrame(0x81, '\xc3\x28'),
  'text in fragments that is not UTF-8': Buffer.concat([
    maskedFrame(0x01, '\xc3'),
    maskedFrame(0x80, '\x28'),
  ]),
  'a message over maxPayload': maskedFrame(0x82, 'x'.repeat(65)),
  'fragments over maxPayload': Buffer.concat([
    maskedFrame(0x02, 'x'.repeat(40)),
    maskedFrame(0x80, 'x'.repeat(40)),
  ]),
  'more fragments than maxFragments': Buffer.concat([
    maskedFrame(0x02, 'x'),
    ...Array.from({ length: 4 }, () => maskedFrame(0x00, 'x')),
  ]),
  'a length over 2^53': Buffer.from('82ff00ffffffffffffff00000000', 'hex'),
};

const LIMITS = { maxPayload: 64, maxFragments: 4 };

describe('a client that breaks a rule', () => {
  for (const [name, bytes] of Object.entries(FAULTY)) {
    same(name, async (library, log) => {
      const { server, port } = await serve(library, LIMITS);
      const serverClosed = once(server, 'close');
      const serverLog: string[] = [];
      server.on('connection', (socket) => {
        logEvents(serverLog, 'server', socket);
        socket.on('close', () => server.close());
      });
      const client = new RawClient(port);
      await client.upgrade(requestLines());
      client.socket.write(bytes);
      await client.ended;
      // The code of the Close frame; what it gives as a reason is Sanswire's own.
      log.push(`answer ${client.bytes[0]} ${client.bytes.subarray(2, 4).toString('hex')}`);
      client.socket.end();
      await serverClosed;
      log.push(...serverLog);
    });
  }
});

describe('a server that breaks a rule', () => {
  const faults: { readonly [name: string]: Buffer } = {
    'a frame that is masked': maskedFrame(0x81, 'x'),
    'RSV1 without compression': frame(0xc1, 'x'),
    'text that is not UTF-8': frame(0x81, '\xc3\x28'),
    'a message over maxPayload': frame(0x82, 'x'.repeat(65)),
  };
  for (const [name, bytes] of Object.entries(faults)) {
    same(name, async (library, log) => {
      const raw = await serveRaw((request, socket) => {
        socket.write(acceptLines(request));
        setTimeout(() => socket.write(bytes), 20);
      });
      const client = new library(`ws://127.0.0.1:${raw.port}`, LIMITS);
      logEvents(log, 'client', client);
      client.onerror = (event) => log.push(`onerror ${showError(event.error)} ${event.type}`);
      await closed(client);
      raw.close();
    });
  }
});

describe('a peer that vanishes', () => {
  same('ends its side without a Close', async (library, log) => {
    const { server, port } = await serve(library);
    const serverClosed = once(server, 'close');
    server.on('connection', (socket) => {
      logEvents(log, 'server', socket);
      socket.on('close', () => server.close());
    });
    const client = new RawClient(port);
    await client.upgrade(requestLines());
    client.socket.end(maskedFrame(0x81, 'hello'));
    await client.ended;
    await serverClosed;
  });

  same('resets the connection: a close, and no error', async (library, log) => {
    const { server, port } = await serve(library);
    const serverClosed = once(server, 'close');
    server.on('connection', (socket) => {
      logEvents(log, 'server', socket);
      socket.on('close', () => server.close());
    });
    const client = new RawClient(port);
    await client.upgrade(requestLines());
    client.socket.resetAndDestroy();
    await serverClosed;
  });

  same('sends a Close and waits: the server ends the transport', async (library, log) => {
    const { server, port } = await serve(library);
    const serverClosed = once(server, 'close');
    server.on('connection', (socket) => logEvents(log, 'server', socket));
    const client = new RawClient(port);
    await client.upgrade(requestLines());
    client.socket.write(maskedFrame(0x88, '\x03\xe8bye'));
    await client.ended;
    log.push(client.bytes.toString('latin1'));
    client.socket.end();
    server.close();
    await serverClosed;
  });

  same('answers the Close but keeps the transport: the client ends it', async (library, log) => {
    const raw = await serveRaw((request, socket) => {
      socket.write(acceptLines(request));
      setTimeout(() => socket.write(frame(0x88, '\x03\xe8')), 20);
    });
    const client = new library(`ws://127.0.0.1:${raw.port}`);
    logEvents(log, 'client', client);
    await closed(client);
    raw.close();
  });

  same('never answers the Close: closeTimeout', async (library, log) => {
    const raw = await serveRaw((request, socket) => socket.write(acceptLines(request)));
    const client = new library(`ws://127.0.0.1:${raw.port}`, { closeTimeout: 50 });
    logEvents(log, 'client', client);
    client.on('open', () => client.close(1000));
    await closed(client);
    raw.close();
  });

  same(
    'has sent frames with the request: they come after the connection event',
    async (library, log) => {
      const { server, port } = await serve(library);
      const serverClosed = once(server, 'close');
      server.on('connection', (socket) => {
        logEvents(log, 'server', socket);
        log.push('connection');
        socket.on('close', () => server.close());
      });
      const client = new RawClient(port);
      await client.upgrade(requestLines(), maskedFrame(0x81, 'early'));
      client.socket.write(maskedFrame(0x88));
      await client.ended;
      client.socket.end();
      await serverClosed;
    },
  );
});
