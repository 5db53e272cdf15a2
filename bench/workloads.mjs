/**
 * What is measured: one row a workload, data only.
 *
 * `64 x 1` reads "64 connections with 1 message in flight on each". A batch of that many messages
 * goes out in one write, and the next batch when all answers to it are in. The ids are the keys of
 * the JSON and of targets.mjs: keep them stable.
 */

const KiB = 1024;
const MiB = 1024 * KiB;
const BUILDS = ['before', 'before-ws', 'sanswire', 'sanswire-ws'];
const EVERYONE = ['floor', 'ws', 'faye-websocket', 'websocket', 'bun', ...BUILDS];
const ECHOING = ['floor', 'floor-shared', ...EVERYONE.slice(1)];
const COMPRESSING = ['ws', 'faye-websocket', 'bun', ...BUILDS];
const NODE_LIBRARIES = ['ws', 'faye-websocket', 'websocket', 'before', 'sanswire'];

/**
 * Lengths as chat, presence, market data and the odd document mix them; 20 entries, one of them a
 * ping.
 */
const MIXED_SIZES = [
  16,
  32,
  125,
  64,
  300,
  16,
  1000,
  48,
  2 * KiB,
  90,
  126,
  20,
  512,
  24,
  4 * KiB,
  32,
  70,
  16 * KiB,
  40,
  -8,
];

/**
 * @param {Partial<import('./types.d.ts').Workload> & { id: string; group: string; title: string }} row
 * @returns {import('./types.d.ts').Workload}
 */
function workload(row) {
  return {
    kind: 'echo',
    peers: EVERYONE,
    metric: 'cpu',
    per: 'message',
    quick: false,
    connections: 1,
    inFlight: 1,
    text: false,
    sizes: [16],
    fragments: 1,
    content: 'ascii',
    secure: false,
    deflate: false,
    prepared: false,
    latency: false,
    loopDelay: false,
    warmUp: 1,
    ...row,
  };
}

/**
 * An echo, titled by its numbers.
 *
 * @param {string} id
 * @param {[connections: number, inFlight: number]} load
 * @param {number} size
 * @param {string} what - as in `text 16 B`
 * @param {Partial<import('./types.d.ts').Workload>} [more]
 */
function echo(id, [connections, inFlight], size, what, more = {}) {
  return workload({
    id,
    group: 'Echo',
    title: `${what}, ${connections} x ${inFlight}`,
    peers: ECHOING,
    connections,
    inFlight,
    sizes: [size],
    ...more,
  });
}

const ECHOES = [
  echo('echo-16-text', [64, 1], 16, 'text 16 B', { text: true, quick: true }),
  echo('echo-32-text', [64, 16], 32, 'text 32 B', { text: true, quick: true }),
  echo('echo-125-binary', [16, 64], 125, 'binary 125 B', { quick: true }),
  echo('echo-1k-text', [64, 1], KiB, 'text 1 KiB', { text: true }),
  echo('echo-1k-unicode', [64, 1], KiB, 'text 1 KiB, several scripts', {
    text: true,
    content: 'unicode',
  }),
  echo('echo-1k-binary', [64, 1], KiB, 'binary 1 KiB'),
  echo('echo-4k-binary', [16, 8], 4 * KiB, 'binary 4 KiB', { quick: true }),
  echo('echo-64k-binary', [8, 2], 64 * KiB, 'binary 64 KiB', { warmUp: 2, afresh: true }),
  echo('echo-1m-binary', [4, 1], MiB, 'binary 1 MiB', { quick: true, warmUp: 2, afresh: true }),
  echo('echo-mixed', [16, 20], 0, 'binary 16 B to 16 KiB with 5 % pings', { sizes: MIXED_SIZES }),
  echo('echo-fragmented', [32, 4], KiB, 'text 1 KiB in 4 fragments', { text: true, fragments: 4 }),
  echo('latency-16', [1, 1], 16, 'latency: text 16 B', { text: true, latency: true, quick: true }),
  echo('latency-1k', [1, 1], KiB, 'latency: text 1 KiB', { text: true, latency: true }),
];

const SECURE_ECHOES = [
  echo('tls-16-text', [64, 1], 16, 'text 16 B', { text: true }),
  echo('tls-125-binary', [16, 64], 125, 'binary 125 B'),
  echo('tls-64k-binary', [8, 2], 64 * KiB, 'binary 64 KiB', { warmUp: 2, afresh: true }),
].map((row) => ({
  ...row,
  group: 'Echo over TLS',
  peers: ECHOING.filter((peer) => peer !== 'websocket'),
  secure: true,
}));

const BROADCASTS = [
  { id: 'broadcast-loop', title: '100 B to 1,000, a loop of send', peers: EVERYONE },
  {
    id: 'broadcast-prepared',
    title: '100 B to 1,000, prepared once (ws: a loop of send)',
    peers: ['floor', 'ws', 'bun', 'before', 'sanswire'],
    prepared: true,
    quick: true,
  },
].map((row) =>
  workload({
    ...row,
    group: 'Fan-out',
    kind: 'broadcast',
    per: 'delivery',
    connections: 1000,
    text: true,
    sizes: [100],
  }),
);

const EVENT_SOURCE = workload({
  id: 'event-source',
  group: 'Fan-out',
  title: 'EventSource, 100 B to 1,000',
  kind: 'event-source',
  per: 'delivery',
  peers: ['floor', 'faye-websocket', 'before', 'sanswire'],
  connections: 1000,
  text: true,
  sizes: [100],
});

const COMPRESSED = [
  echo('deflate-1k', [32, 4], KiB, 'JSON rows 1 KiB', { quick: true }),
  echo('deflate-1k-chat', [32, 4], KiB, 'JSON chat 1 KiB', { content: 'chat' }),
  echo('deflate-64k', [4, 2], 64 * KiB, 'JSON rows 64 KiB', { loopDelay: true }),
  echo('deflate-1m', [2, 1], MiB, 'JSON rows 1 MiB', { loopDelay: true }),
  workload({
    id: 'deflate-broadcast',
    group: '',
    title: 'broadcast of 1,000 B to 500, prepared',
    kind: 'broadcast',
    per: 'delivery',
    connections: 500,
    sizes: [1000],
    prepared: true,
  }),
].map((row) => ({
  ...row,
  group: 'Compressed',
  peers: COMPRESSING,
  text: true,
  content: row.content === 'ascii' ? /** @type {const} */ ('table') : row.content,
  deflate: true,
}));

const CONNECTIONS = [
  workload({
    id: 'handshake',
    group: 'Connections',
    title: 'opening handshakes, 16 at a time',
    kind: 'handshake',
    per: 'handshake',
    connections: 16,
    warmUp: 4,
    quick: true,
  }),
  workload({
    id: 'idle-plain',
    group: 'Connections',
    title: '10,000 more idle connections, from 2,000 to 12,000',
    kind: 'idle',
    metric: 'memory',
    per: 'connection',
    connections: 10_000,
    maxRounds: 3,
  }),
  workload({
    id: 'idle-deflate',
    group: 'Connections',
    title: '2,000 idle after one compressed echo of 1,000 B each',
    kind: 'idle',
    metric: 'memory',
    per: 'connection',
    peers: COMPRESSING,
    connections: 2000,
    maxRounds: 2,
    text: true,
    content: 'table',
    sizes: [1000],
    deflate: true,
  }),
  workload({
    id: 'bombs',
    group: 'Connections',
    title: '5,000 deflate bombs of 16 MiB on 50 connections, limit 1 MiB',
    kind: 'bomb',
    metric: 'growth',
    per: 'run',
    peers: COMPRESSING,
    connections: 50,
    maxRounds: 1,
    inFlight: 5000,
    sizes: [16 * MiB],
    deflate: true,
    maxLength: MiB,
  }),
];

const CLIENTS = [
  echo('client-125-binary', [16, 64], 125, 'binary 125 B', { quick: true }),
  echo('client-16-text', [64, 1], 16, 'text 16 B', { text: true }),
].map((row) => ({ ...row, group: 'Client', kind: /** @type {const} */ ('client-echo') }));

const CODECS = [16, 125, KiB, 16 * KiB, 64 * KiB].flatMap((size) =>
  /** @type {const} */ (['parse', 'serialize']).map((direction) =>
    workload({
      id: `${direction}-${size}`,
      group: 'In memory',
      title: `${direction} binary ${size < KiB ? `${size} B` : `${size / KiB} KiB`}`,
      kind: 'codec',
      peers: NODE_LIBRARIES,
      sizes: [size],
      direction,
    }),
  ),
);

/** Every workload, in the order in which they run. */
export const WORKLOADS = [
  ...ECHOES,
  ...SECURE_ECHOES,
  ...BROADCASTS,
  EVENT_SOURCE,
  ...COMPRESSED,
  ...CLIENTS,
  ...CODECS,
  ...CONNECTIONS,
];

/**
 * Names a row where rows of all groups stand together.
 *
 * @param {string} id
 */
export function titleOf(id) {
  const row = WORKLOADS.find((workload) => workload.id === id);
  if (row === undefined) return id;
  return row.group === 'Echo' ? row.title : `${row.group}: ${row.title}`;
}

/** The rows of `--nodes`: those whose ratio to ws or to the floor has a target, in all groups. */
export const NODE_ROWS = [
  'echo-16-text',
  'echo-32-text',
  'echo-125-binary',
  'echo-1k-text',
  'echo-1k-unicode',
  'echo-1k-binary',
  'echo-4k-binary',
  'echo-64k-binary',
  'echo-1m-binary',
  'tls-64k-binary',
  'event-source',
  'deflate-1k-chat',
  'handshake',
  'idle-plain',
];
export const NODE_PEERS = ['floor', 'ws', 'sanswire'];
