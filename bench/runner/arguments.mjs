/** The command line of run.mjs, and how long each mode measures. */

import { parseArgs } from 'node:util';
import { PEER_NAMES } from '../peers/index.mjs';
import { WORKLOADS } from '../workloads.mjs';

export const USAGE = `node bench/run.mjs [options]

  --quick          the headline workloads and peers only, in under a minute
  --only PATTERN   workloads whose id, group or title matches (a regular expression)
  --peers A,B      some of: ${PEER_NAMES.join(', ')}
  --rounds N       rounds over the peers (5; 3 with --quick)
  --window MS      length of one window (400; 200 with --quick)
  --json FILE      write all results there
  --list           print the workloads and stop

SANSWIRE_DIST=DIR measures another build of Sanswire than ../dist.`;

const FULL = { rounds: 5, windowMs: 400, warmUpMs: 700 };
const QUICK_PEERS = ['floor', 'ws', 'bun', 'sanswire'];
const QUICK = { rounds: 3, windowMs: 150, warmUpMs: 250 };

/** @param {string[]} parameters */
export function parseArguments(parameters) {
  const { values } = parseArgs({
    args: parameters,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      window: { type: 'string' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const base = values.quick ? QUICK : FULL;
  return {
    quick: values.quick,
    list: values.list,
    help: values.help,
    json: values.json,
    peers: selectPeers(values.peers, values.quick),
    workloads: selectWorkloads(values.only, values.quick),
    plan: {
      rounds: positive('--rounds', values.rounds, base.rounds),
      windowMs: positive('--window', values.window, base.windowMs),
      warmUpMs: base.warmUpMs,
    },
  };
}

/**
 * @param {string} name
 * @param {string | undefined} text
 * @param {number} fallback
 */
function positive(name, text, fallback) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} wants a number from 1 up`);
  return value;
}

/**
 * @param {string | undefined} list
 * @param {boolean} quick
 */
function selectPeers(list, quick) {
  if (list === undefined) return quick ? QUICK_PEERS : PEER_NAMES;
  const names = list.split(',');
  const unknown = names.find((name) => !PEER_NAMES.includes(name));
  if (unknown !== undefined) throw new Error(`no peer is called ${unknown}`);
  return PEER_NAMES.filter((name) => names.includes(name));
}

/**
 * @param {string | undefined} pattern
 * @param {boolean} quick - a pattern is the narrower wish: with one, quick shortens the windows only
 */
function selectWorkloads(pattern, quick) {
  if (pattern === undefined) return WORKLOADS.filter((workload) => !quick || workload.quick);
  const expression = new RegExp(pattern, 'i');
  const selected = WORKLOADS.filter(
    ({ id, group, title }) =>
      expression.test(id) || expression.test(group) || expression.test(title),
  );
  if (selected.length === 0) throw new Error(`no workload matches ${pattern}`);
  return selected;
}
