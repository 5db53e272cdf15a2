/**
 * The raw engine: a server and a client without a wire. No sockets, no timers, no http module.
 *
 *     node examples/engine.mjs
 *
 * An endpoint takes bytes with `receive` and returns bytes with `takeOutput`; how you carry them is
 * up to you. Here a function carries them from one to the other, in small pieces: the cut does not
 * matter.
 */

import { ClientEndpoint, nodePlatform, ServerEndpoint } from 'sanswire/engine';

/** The most bytes that are carried at once. */
const PIECE_LENGTH = 50;

const server = new ServerEndpoint({
  platform: nodePlatform,
  handler: handlerOf('server', () => {}, {
    onMessage: (data) => server.connection.sendText(`You said: ${data}`),
  }),
  protocols: ['conversation'],
});

const client = new ClientEndpoint({
  platform: nodePlatform,
  handler: handlerOf('client', () => client.connection.sendText('Hello?'), {
    onMessage: () => client.connection.close(1000, 'heard enough'),
  }),
  authority: 'nowhere.example',
  target: '/',
  protocols: ['conversation'],
});

client.start();
while (carry('client', client, server) || carry('server', server, client)) {
  // Until neither has output.
}
// RFC 6455 §7.1.1: the server ends the transport once both Close frames have gone.
console.log(`server wants the transport ended: ${server.shouldEnd}`);
client.transportClosed();
server.transportClosed();

/** Carries one endpoint's output to the other; returns whether there was any. */
function carry(name, from, to) {
  if (!from.hasOutput) return false;
  const bytes = Buffer.concat(from.takeOutput());
  from.outputWritten();
  console.log(`${name} -> ${describe(bytes)}`);
  for (let start = 0; start < bytes.length; start += PIECE_LENGTH) {
    to.receive(bytes.subarray(start, start + PIECE_LENGTH));
  }
  return true;
}

/** Shows a head by its first line, and frames as bytes. */
function describe(bytes) {
  const headLength = bytes.indexOf('\r\n\r\n') + '\r\n\r\n'.length;
  const isHead = headLength >= '\r\n\r\n'.length;
  if (!isHead) return bytes.toString('hex');
  const [startLine] = bytes.toString('latin1').split('\r\n');
  const frames = bytes.subarray(headLength).toString('hex');
  return `${startLine} (${headLength} bytes)${frames === '' ? '' : ` + ${frames}`}`;
}

/** What the engine tells. A handler has all these methods; most do nothing here. */
function handlerOf(name, onOpen, { onMessage }) {
  return {
    onOpen() {
      console.log(`${name}: open`);
      onOpen();
    },
    onMessage(data, isBinary) {
      console.log(`${name}: message ${JSON.stringify(data)}`);
      onMessage(data, isBinary);
    },
    onError: (error) => console.log(`${name}: ${error.code}: ${error.message}`),
    onClose(code, reason, wasClean) {
      console.log(`${name}: closed ${code} "${reason}", clean: ${wasClean}`);
    },
    onMessageStart() {},
    onMessageData() {},
    onMessageEnd() {},
    onPing() {},
    onPong() {},
    // A driver starts closeTimeout here.
    onClosing() {},
    onDrain() {},
    // A driver writes at the end of the turn. Here the loop asks each endpoint anyway.
    onOutput() {},
  };
}
