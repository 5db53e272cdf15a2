/** The table of CPU and memory in README.md: the rows that say most, against the libraries. */

import { formatMetric } from './format.mjs';

const PEERS = /** @type {const} */ ({
  sanswire: 'Sanswire',
  'sanswire-ws': '`sanswire/ws`',
  ws: 'ws',
  'faye-websocket': 'faye-websocket',
});

const ROWS = /** @type {const} */ ({
  'echo-16-text': 'Text of 16 B, one message in flight',
  'echo-1k-binary': '1 KiB, one message in flight',
  'echo-125-binary': '125 B in a burst, 64 in flight',
  'echo-64k-binary': '64 KiB, 2 in flight',
  'echo-1m-binary': '1 MiB, one message in flight',
  'deflate-1k': 'Compressed: 1 KiB of JSON rows',
  'deflate-1k-chat': 'Compressed: 1 KiB of JSON chat',
  handshake: 'An opening handshake',
  'idle-plain': 'An idle connection',
});

/** @param {import('../types.d.ts').Report} report */
export function renderReadmeTable({ workloads }) {
  const rows = Object.entries(ROWS).flatMap(([id, label]) => {
    const result = workloads.find((workload) => workload.id === id);
    if (result === undefined) return [];
    const cells = Object.keys(PEERS).map((name) => {
      const measured = result.peers.find(({ peer }) => peer === name);
      return measured === undefined
        ? ''
        : formatMetric(result.metric, measured.median[result.metric]);
    });
    return [`| ${label} | ${cells.join(' | ')} |`];
  });
  const head = Object.values(PEERS);
  return [
    `| Server CPU, or memory | ${head.join(' | ')} |`,
    `|---|${head.map(() => '---:|').join('')}`,
    ...rows,
  ].join('\n');
}
