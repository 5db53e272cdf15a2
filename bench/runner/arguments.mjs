/** The command line of run.mjs, and how long each mode measures. */

import { parseArgs } from 'node:util';
import { BEFORE_NAMES, PEER_NAMES } from '../peers/index.mjs';
import { NODE_PEERS, NODE_ROWS, WORKLOADS } from '../workloads.mjs';

export const USAGE = `node bench/run.mjs [options]

  --quick          the headline workloads and peers only: about a minute
  --only PATTERN   workloads whose id, group or title matches (a regular expression)
  --peers A,B      some of: ${PEER_NAMES.join(', ')}
  --before DIR     another build of Sanswire (its dist folder), as the peers before and before-ws
  --nodes A,B      instead: the rows that users see most, under several versions of Node side by
                   side, each a major version or the path of a binary (20,22,24,26)
  --rounds N       rounds over the peers (5; 3 with --quick)
  --window MS      length of one window (300; 150 with --quick)
  --repeats N      how often a disturbed row is measured again (2; 0 with --quick)
  --json FILE      write all results there
  --list           print the workloads and stop

SANSWIRE_DIST=DIR measures the build in that folder instead of what npm pack makes of this one.`;

const FULL = { rounds: 5, windowMs: 300, warmUpMs: 700, repeats: 2 };
const QUICK_PEERS = ['floor', 'ws', 'bun', 'before', 'sanswire'];
const QUICK = { rounds: 3, windowMs: 150, warmUpMs: 250, repeats: 0 };

/** @param {string[]} parameters */
export function parseArguments(parameters) {
  const { values } = parseArgs({
    args: parameters,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      before: { type: 'string' },
      nodes: { type: 'string' },
      rounds: { type: 'string' },
      window: { type: 'string' },
      repeats: { type: 'string' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const base = values.quick ? QUICK : FULL;
  const nodes = values.nodes?.split(',') ?? [];
  return {
    quick: values.quick,
    list: values.list,
    help: values.help,
    json: values.json,
    before: values.before,
    nodes,
    peers: selectPeers(values, nodes.length > 0),
    workloads: selectWorkloads(values, nodes.length > 0),
    plan: {
      rounds: wholeNumber('--rounds', values.rounds, { from: 1, fallback: base.rounds }),
      windowMs: wholeNumber('--window', values.window, { from: 1, fallback: base.windowMs }),
      warmUpMs: base.warmUpMs,
      repeats: wholeNumber('--repeats', values.repeats, { from: 0, fallback: base.repeats }),
    },
  };
}

/**
 * @param {string} name
 * @param {string | undefined} text
 * @param {{ from: number; fallback: number }} range
 */
function wholeNumber(name, text, { from, fallback }) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < from)
    throw new Error(`${name} wants a number from ${from} up`);
  return value;
}

/**
 * @param {{ peers?: string; before?: string; quick: boolean }} values
 * @param {boolean} comparesNodes
 */
function selectPeers({ peers, before, quick }, comparesNodes) {
  const standard = comparesNodes ? NODE_PEERS : quick ? QUICK_PEERS : PEER_NAMES;
  const names = peers?.split(',') ?? standard;
  const unknown = names.find((name) => !PEER_NAMES.includes(name));
  if (unknown !== undefined) throw new Error(`no peer is called ${unknown}`);
  if (
    peers !== undefined &&
    before === undefined &&
    BEFORE_NAMES.some((name) => names.includes(name))
  )
    throw new Error('the peers before and before-ws want --before DIR');
  return PEER_NAMES.filter(
    (name) => names.includes(name) && (before !== undefined || !BEFORE_NAMES.includes(name)),
  );
}

/**
 * A pattern is the narrower wish: with one, quick shortens the windows only.
 *
 * @param {{ only?: string; quick: boolean }} values
 * @param {boolean} comparesNodes
 */
function selectWorkloads({ only, quick }, comparesNodes) {
  const candidates = comparesNodes
    ? WORKLOADS.filter(({ id }) => NODE_ROWS.includes(id))
    : WORKLOADS;
  if (only === undefined) return candidates.filter((workload) => !quick || workload.quick);
  const expression = new RegExp(only, 'i');
  const selected = candidates.filter(
    ({ id, group, title }) =>
      expression.test(id) || expression.test(group) || expression.test(title),
  );
  if (selected.length === 0) throw new Error(`no workload matches ${only}`);
  return selected;
}
