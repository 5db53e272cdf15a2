/**
 * EventSource with replay: a client that was away gets what it missed, thanks to Last-Event-ID.
 *
 *     node examples/event-source.mjs            a client listens, leaves, and comes back
 *     node examples/event-source.mjs --serve    keeps the server up, with an event each second;
 *                                               PORT chooses its port
 *
 * Try the server with `curl -N -H 'Accept: text/event-stream' -H 'Last-Event-ID: 3' URL`, or with
 * `new EventSource(URL)` in a browser, which reconnects and sends the header by itself.
 */

import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { createInterface } from 'node:readline';
import { WebSocket } from 'sanswire';

const { EventSource } = WebSocket;
const isServing = process.argv.includes('--serve');

/** How many events are kept for clients that come back. */
const KEPT_EVENTS = 100;

const kept = [];
const sources = new Set();
let lastId = 0;

function publish(data) {
  lastId += 1;
  const event = { id: lastId, data };
  kept.push(event);
  if (kept.length > KEPT_EVENTS) kept.shift();
  for (const source of sources) source.send(event.data, { id: event.id });
}

const server = createServer((request, response) => {
  if (!EventSource.isEventSource(request)) {
    response.writeHead(406, { 'Content-Type': 'text/plain' }).end('Accept text/event-stream.\n');
    return;
  }
  const source = new EventSource(request, response, {
    headers: { 'Access-Control-Allow-Origin': '*' },
    retry: 1,
    ping: 15,
  });
  // A client without an id is new. One with an id first gets what it missed.
  if (source.lastEventId !== '') {
    const missed = kept.filter(({ id }) => id > Number(source.lastEventId));
    console.log(`server: replays ${missed.length} events after ${source.lastEventId}`);
    for (const { id, data } of missed) source.send(data, { id });
  }
  sources.add(source);
  source.on('close', () => sources.delete(source));
});

await once(server.listen(isServing ? Number(process.env.PORT ?? 0) : 0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${server.address().port}/`;
console.log(`server: listening on ${url}`);

if (isServing) {
  setInterval(() => publish(new Date().toISOString()), 1000);
} else {
  const first = await subscribe('');
  for (const word of ['one', 'two', 'three']) publish(word);
  const lastSeen = await read(first, 3);
  first.leave();

  console.log('client: away');
  for (const word of ['four', 'five']) publish(word);

  const second = await subscribe(lastSeen);
  publish('six');
  await read(second, 3);
  second.leave();
  server.close();
}

/** Opens an event stream as a browser does: Node 20 has no EventSource client of its own. */
async function subscribe(lastEventId) {
  const headers = { Accept: 'text/event-stream' };
  if (lastEventId !== '') headers['Last-Event-ID'] = lastEventId;
  const request = get(url, { headers, agent: false });
  const [response] = await once(request, 'response');
  const lines = createInterface(response)[Symbol.asyncIterator]();
  return { lines, leave: () => request.destroy() };
}

/** Reads some events, prints them, and returns the last id. Real clients know more fields. */
async function read({ lines }, count) {
  const event = { id: '', data: '' };
  for (let seen = 0; seen < count; ) {
    const { value: line } = await lines.next();
    if (line.startsWith('id: ')) event.id = line.slice('id: '.length);
    if (line.startsWith('data: ')) event.data = line.slice('data: '.length);
    if (line === '' && event.data !== '') {
      console.log(`client: event ${event.id}: ${event.data}`);
      event.data = '';
      seen += 1;
    }
  }
  return event.id;
}
