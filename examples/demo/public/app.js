/**
 * The page: opens the WebSocket, sends what you ask for, and shows what comes back.
 */

import { showClock } from './clock.js';
import { formatBytes, formatMs } from './format.js';
import { Log } from './log.js';
import { RoundTrips } from './round-trips.js';
import { pulse } from './wire.js';

const element = (id) => document.getElementById(id);

/** What close codes mean (RFC 6455 §7.4.1): those that occur here. */
const CODE_MEANINGS = new Map([
  [1000, 'Normal closure: the connection has done what it was for.'],
  [1001, 'Going away: an endpoint shuts down.'],
  [1002, 'Protocol error.'],
  [1005, 'No code: the Close frame that came was empty.'],
  [1006, 'Abnormal closure: the connection ended without a Close frame.'],
  [1007, 'A text message was not valid UTF-8.'],
  [1008, 'Policy violation.'],
  [1009, 'Message too big: it was over the limit of the server.'],
  [1011, 'The server failed inside.'],
]);

/** How many random bytes the browser makes at a time: the most that getRandomValues takes. */
const RANDOM_CHUNK_LENGTH = 65_536;

const log = new Log(element('log'), element('log-empty'), element('announcement'));
const roundTrips = new RoundTrips();

let webSocket;
/** The id of the connection, for requests that the server act on it. */
let connectionId = '';
/** What is sent again and again, each after the echo of the one before. */
let repetition = { text: '', left: 0 };
let isFiguresUpdateDue = false;

// ---- The connection -----------------------------------------------------------------------------

function connect() {
  connectionId = hexOf(randomBytes(16));
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const url = `${scheme}//${location.host}/echo?id=${connectionId}`;
  const protocols = element('protocol').value.split(',').filter(Boolean);
  webSocket = new WebSocket(url, protocols);
  webSocket.binaryType = 'arraybuffer';
  webSocket.addEventListener('open', opened);
  webSocket.addEventListener('message', received);
  webSocket.addEventListener('close', closed);
  element('closed').hidden = true;
  element('fact-url').textContent = url.replace(/\?.*/, '');
  log.addEvent(`connecting${protocols.length > 0 ? `, offering ${protocols.join(', ')}` : ''}`);
  showState();
}

function opened() {
  element('fact-protocol').textContent = webSocket.protocol || 'none';
  element('fact-extensions').textContent = webSocket.extensions || 'none';
  log.addEvent('open');
  showState();
}

function closed(event) {
  roundTrips.abandon();
  repetition.left = 0;
  const quoted = event.reason === '' ? 'no reason' : `“${event.reason}”`;
  log.addEvent(`closed: ${event.code}, ${quoted}, ${event.wasClean ? 'cleanly' : 'not cleanly'}`);
  element('closed-code').textContent = event.code;
  element('closed-reason').textContent = event.reason || '(none)';
  element('closed-clean').textContent = event.wasClean;
  element('closed-meaning').textContent = meaningOf(event.code);
  element('closed').dataset.clean = event.wasClean;
  element('closed').hidden = false;
  for (const name of ['url', 'protocol', 'extensions', 'buffered']) {
    element(`fact-${name}`).textContent = '–';
  }
  showState();
}

function meaningOf(code) {
  if (code >= 4000) return 'A code of the application, with the meaning that it gives it.';
  if (code >= 3000) return 'A code that a library or framework has registered.';
  return CODE_MEANINGS.get(code) ?? '';
}

const STATES = [
  { name: 'connecting', label: 'Connecting' },
  { name: 'open', label: 'Open' },
  { name: 'closing', label: 'Closing' },
  { name: 'closed', label: 'Closed' },
];

function showState() {
  const { name, label } = STATES[webSocket.readyState];
  document.body.dataset.state = name;
  element('state').textContent = label;
  element('state').dataset.state = element('socket-wire').dataset.state = name;
  element('connect').textContent = name === 'closed' ? 'Connect' : 'Disconnect';
  element('connect').classList.toggle('primary', name === 'closed');
  element('protocol').disabled = name !== 'closed';
  const needOpen = ['send-text', 'send-bytes', 'file', 'close'];
  const needServer = ['server-close', 'server-ping', 'server-drop'];
  for (const id of [...needOpen, ...needServer]) element(id).disabled = name !== 'open';
  updateFigures();
}

element('connection-form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (webSocket === undefined || webSocket.readyState === WebSocket.CLOSED) connect();
  else {
    webSocket.close();
    showState();
  }
});

// ---- Messages -----------------------------------------------------------------------------------

function send(data) {
  if (webSocket?.readyState !== WebSocket.OPEN) return;
  roundTrips.sent(data);
  log.addMessage('sent', data);
  pulse(element('socket-wire'), 'sent');
  webSocket.send(data);
  updateFigures();
}

function received({ data }) {
  const trip = roundTrips.received();
  const isShouted = webSocket.protocol === 'uppercase' && typeof data === 'string';
  const isSame = trip === undefined || isShouted || isEqual(trip.data, data);
  log.addMessage('received', data, { time: trip?.time, isSame });
  pulse(element('socket-wire'), 'received');
  updateFigures();
  if (repetition.left > 0) {
    repetition.left -= 1;
    send(repetition.text);
  }
}

function isEqual(sent, echo) {
  if (typeof sent === 'string' || typeof echo === 'string') return sent === echo;
  if (sent.byteLength !== echo.byteLength) return false;
  const [one, other] = [new Uint8Array(sent), new Uint8Array(echo)];
  for (let index = 0; index < one.length; index += 1) {
    if (one[index] !== other[index]) return false;
  }
  return true;
}

element('text-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = element('text').value;
  repetition = { text, left: Number(element('repeat').value) - 1 };
  send(text);
});

element('text').addEventListener('keydown', (event) => {
  // Enter also completes a composed character; it must not send then.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  element('text-form').requestSubmit(element('send-text'));
});

element('bytes-form').addEventListener('submit', (event) => {
  event.preventDefault();
  send(randomBytes(Number(element('size').value)).buffer);
});

async function sendFile(file) {
  if (file === undefined) return;
  try {
    const bytes = await file.arrayBuffer();
    log.addEvent(`file “${file.name}”, ${formatBytes(bytes.byteLength)}`);
    send(bytes);
  } catch (error) {
    log.addEvent(`“${file.name}” cannot be read: ${error.message}`);
  }
}

element('file').addEventListener('change', (event) => {
  sendFile(event.target.files[0]);
  // Allows the same file to be chosen again.
  event.target.value = '';
});

const drop = element('drop');
for (const type of ['dragenter', 'dragover']) {
  drop.addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
}
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  if (webSocket?.readyState === WebSocket.OPEN) sendFile(event.dataTransfer.files[0]);
});
// A file that misses the target would replace the page.
for (const type of ['dragover', 'drop']) {
  addEventListener(type, (event) => event.preventDefault());
}

element('clear-log').addEventListener('click', () => log.clear());

/** Shows the figures in the next frame of the screen. */
function updateFigures() {
  if (isFiguresUpdateDue) return;
  isFiguresUpdateDue = true;
  requestAnimationFrame(() => {
    isFiguresUpdateDue = false;
    element('trip-last').textContent = formatMs(roundTrips.last);
    element('trip-median').textContent = formatMs(roundTrips.median);
    element('trip-minimum').textContent = formatMs(roundTrips.minimum);
    element('trip-count').textContent = roundTrips.count.toLocaleString('en');
    element('chart').firstElementChild.setAttribute('points', roundTrips.chartPoints);
    if (webSocket?.readyState !== WebSocket.OPEN) return;
    element('fact-buffered').textContent = formatBytes(webSocket.bufferedAmount);
    if (webSocket.bufferedAmount > 0) updateFigures();
  });
}

// ---- The end ------------------------------------------------------------------------------------

element('close-form').addEventListener('submit', (event) => {
  event.preventDefault();
  showCloseProblem('');
  try {
    const code = element('close-code').value.trim();
    const reason = element('close-reason').value;
    if (code === '') webSocket.close();
    else webSocket.close(Number(code), reason);
    log.addEvent(`closing with ${code || 'no code'}`);
    showState();
  } catch (error) {
    showCloseProblem(error.message);
  }
});

element('server-close').addEventListener('click', async () => {
  const code = element('close-code').value.trim();
  const query = new URLSearchParams({ reason: element('close-reason').value });
  if (code !== '') query.set('code', code);
  const { isDone, text } = await askServer(`close?${query}`);
  showCloseProblem(isDone ? '' : text);
});

function showCloseProblem(message) {
  element('close-error').textContent = message;
  for (const id of ['close-code', 'close-reason']) {
    element(id).setAttribute('aria-invalid', String(message !== ''));
  }
}

// ---- Requests to the server ---------------------------------------------------------------------

async function askServer(action) {
  try {
    const response = await fetch(`/connections/${connectionId}/${action}`, { method: 'POST' });
    return { isDone: response.ok, text: (await response.text()).trim() };
  } catch (error) {
    return { isDone: false, text: error.message };
  }
}

element('server-ping').addEventListener('click', async () => {
  const { isDone, text } = await askServer('ping');
  const answer = isDone ? `The server had its Pong after ${formatMs(Number(text))}.` : text;
  element('server-answer').textContent = answer;
  log.addEvent(answer);
});

element('server-drop').addEventListener('click', async () => {
  const { isDone, text } = await askServer('drop');
  element('server-answer').textContent = isDone
    ? 'The server dropped the connection without a Close frame.'
    : text;
});

// ---- Helpers ------------------------------------------------------------------------------------

function randomBytes(length) {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += RANDOM_CHUNK_LENGTH) {
    crypto.getRandomValues(bytes.subarray(start, start + RANDOM_CHUNK_LENGTH));
  }
  return bytes;
}

function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

showClock({
  clock: element('clock'),
  detail: element('clock-detail'),
  state: element('clock-state'),
  wire: element('clock-wire'),
});
