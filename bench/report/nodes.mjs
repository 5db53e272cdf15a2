/**
 * The table of `--nodes`, on the terminal and in docs/performance.md: a row a workload, and for
 * each version of Node the ratios of Sanswire to ws and to the floor.
 */

import { titleOf } from '../workloads.mjs';
import { formatRatio } from './format.mjs';
import { targetsTable } from './markdown.mjs';
import { alignColumns, printLine } from './terminal.mjs';

const COLUMNS = /** @type {const} */ (['ws', 'floor']);

/**
 * @param {import('../types.d.ts').NodeResult} node
 * @param {string} id
 */
function ratiosOf({ workloads }, id) {
  const row = workloads.find((workload) => workload.id === id);
  const own = row?.peers.find(({ peer }) => peer === 'sanswire');
  const isDisturbed = row !== undefined && row.disturbance.reasons.length > 0;
  return COLUMNS.map((baseline) => {
    const ratio = own?.ratios[baseline];
    return ratio === undefined ? '' : `${formatRatio(ratio)}${isDisturbed ? ' ~' : ''}`;
  });
}

/** @param {import('../types.d.ts').NodeResult[]} nodes */
function rowsOf(nodes) {
  const ids = nodes[0]?.workloads.map(({ id }) => id) ?? [];
  return ids.map((id) => [titleOf(id), ...nodes.flatMap((node) => ratiosOf(node, id))]);
}

/**
 * Prints a row as soon as it is measured.
 *
 * @param {import('../types.d.ts').NodeResult[]} nodes
 * @param {string} id
 */
export function showNodeRow(nodes, id) {
  const cells = nodes.map((node) => {
    const [toWs, toFloor] = ratiosOf(node, id);
    return `${node.version} ${toWs || '-'} of ws, ${toFloor || '-'} of floor`;
  });
  printLine(`${id}: ${cells.join('; ')}`);
}

/** @param {import('../types.d.ts').NodeResult[]} nodes */
export function printNodes(nodes) {
  const head = nodes.flatMap(({ version }) => [`${version} vs ws`, 'vs floor']);
  console.log('');
  for (const line of alignColumns([['sanswire', ...head], ...rowsOf(nodes)])) console.log(line);
  console.log('~ disturbed');
}

/** @param {import('../types.d.ts').Report} report */
export function renderNodes({ machine, nodes, options, startedAt, verdicts }) {
  const head = nodes.flatMap(({ version }) => [`${version}, of ws`, 'of the floor']);
  const table = [
    `| | ${head.join(' | ')} |`,
    `|---|${head.map(() => '---:|').join('')}`,
    ...rowsOf(nodes).map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n');
  const note =
    `Server CPU (memory for idle connections) of Sanswire as a ratio, measured on ` +
    `${startedAt.slice(0, 10)} on ${machine.cpu}: medians of ${options.rounds} rounds of ` +
    `${options.windowMs} ms. Compare ratios between versions, not times. "~" marks a row that ` +
    `the machine disturbed.`;
  return [note, table, targetsTable(verdicts)].filter((section) => section !== '').join('\n\n');
}
