/**
 * The WebSockets of the demo: each echoes what it gets, and a page can ask the server to act on its
 * own.
 *
 * The page names its connection with a random id in the URL. Whoever knows the id may ping, close
 * or drop that connection with a POST. The WebSocket itself only echoes, so a reply is always the
 * next message.
 */

import { CloseCode, WebSocket } from 'sanswire';
import { sendText } from './pages.mjs';

/** The subprotocols: text as it came, and text in upper case. */
const PROTOCOLS = ['echo', 'uppercase'];

const OPTIONS = {
  // 16 MiB: the page can send more, to show what happens.
  maxLength: 16 * 2 ** 20,
  // Seconds between Pings, which find browsers that have vanished.
  ping: 30,
};

/** The form of an id. */
const ID = /^[0-9a-f]{32}$/;

const ACTION_PATH = /^\/connections\/([0-9a-f]{32})\/(ping|close|drop)$/;

export class EchoConnections {
  #all = new Set();
  #byId = new Map();

  /** Accepts a WebSocket from a page of this server, or from a client that is not a browser. */
  accept(request, socket, head) {
    const webSocket = new WebSocket(request, socket, head, PROTOCOLS, {
      ...OPTIONS,
      allowedOrigins: [
        `http://${request.headers.host}`,
        `https://${request.headers.host}`,
        undefined,
      ],
    });
    const id = queryOf(request).get('id') ?? '';
    this.#all.add(webSocket);
    if (ID.test(id)) this.#byId.set(id, webSocket);

    webSocket.on('message', ({ data }) => {
      const isShouted = webSocket.protocol === 'uppercase' && typeof data === 'string';
      const hasRoom = webSocket.send(isShouted ? data.toUpperCase() : data);
      // Stops reading from a client that does not read its echoes.
      if (!hasRoom) webSocket.pause();
    });
    webSocket.on('drain', () => webSocket.resume());
    webSocket.on('close', () => {
      this.#all.delete(webSocket);
      if (this.#byId.get(id) === webSocket) this.#byId.delete(id);
    });
  }

  /** Does what a POST to `/connections/ID/ACTION` asks for. */
  act(request, response) {
    const [path] = request.url.split('?', 1);
    const [, id, action] = ACTION_PATH.exec(path) ?? [];
    const webSocket = this.#byId.get(id);
    if (webSocket === undefined) {
      sendText(response, 404, 'There is no such connection.');
    } else if (request.method !== 'POST') {
      sendText(response, 405, 'Actions are for POST.', { Allow: 'POST' });
    } else if (action === 'ping') {
      ping(webSocket, response);
    } else if (action === 'close') {
      close(webSocket, queryOf(request), response);
    } else {
      webSocket.terminate();
      sendText(response, 200, 'Dropped.');
    }
  }

  closeAll() {
    for (const webSocket of this.#all) {
      webSocket.close(CloseCode.GOING_AWAY, 'The server is shutting down');
    }
  }
}

/** Pings the browser, and answers with the milliseconds until its Pong came. */
function ping(webSocket, response) {
  const start = performance.now();
  const answer = (status, text) => {
    webSocket.off('close', onClose);
    sendText(response, status, text);
  };
  const onClose = () => answer(409, 'The connection closed before the Pong came.');
  webSocket.on('close', onClose);
  const isSent = webSocket.ping('how far?', () => {
    answer(200, (performance.now() - start).toFixed(3));
  });
  if (!isSent) answer(409, 'The connection is not open.');
}

function close(webSocket, query, response) {
  const code = query.get('code');
  try {
    webSocket.close(code === null ? undefined : Number(code), query.get('reason') ?? undefined);
    sendText(response, 200, 'Closing.');
  } catch (error) {
    // What close() throws: InvalidAccessError for the code, SyntaxError for the reason.
    sendText(response, 400, error.message);
  }
}

function queryOf(request) {
  return new URLSearchParams(request.url.split('?')[1]);
}
