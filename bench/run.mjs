/**
 * `npm run bench`: measures Sanswire beside its peers on this machine and prints ratios.
 *
 * Starts processes on 127.0.0.1 only, measures one workload at a time, and ends only what it
 * started. Figures of one run may be compared with each other; figures of two runs may not
 * (docs/performance.md says why).
 */

import { writeFileSync } from 'node:fs';
import { missingReason } from './peers/index.mjs';
import { printNodes, showNodeRow } from './report/nodes.mjs';
import {
  clearProgress,
  printLine,
  printLoad,
  printMachine,
  printVerdicts,
  printWorkload,
  showProgress,
} from './report/terminal.mjs';
import { parseArguments, USAGE } from './runner/arguments.mjs';
import { installBuilds } from './runner/builds.mjs';
import { createCertificate } from './runner/certificate.mjs';
import { measureUndisturbed, watchMachine } from './runner/disturbance.mjs';
import { installPeers } from './runner/install.mjs';
import { describeMachine } from './runner/machine.mjs';
import { findNodes } from './runner/nodes.mjs';
import { measureWorkload } from './runner/rounds.mjs';
import { judge, judgeNodes } from './targets.mjs';
import { WORKLOADS } from './workloads.mjs';

/** A busy machine lengthens a run by no more than this. */
const REPEAT_BUDGET_MS = 180_000;

/**
 * @typedef {ReturnType<typeof parseArguments>} Options
 * @typedef {(workload: import('./types.d.ts').Workload, node: string, place: string) =>
 *   Promise<import('./types.d.ts').WorkloadResult>} Measure
 */

/**
 * @param {Options} options
 * @param {string[]} present
 * @param {{ machine: import('./types.d.ts').Machine; onSkip: (line: string) => void }} run
 * @returns {Measure}
 */
function createMeasure({ plan }, present, { machine, onSkip }) {
  const certificate = createCertificate();
  let repeatBudgetMs = REPEAT_BUDGET_MS;
  return async (workload, node, place) => {
    const names = workload.peers.filter((peer) => present.includes(peer));
    const context = { machine, certificate, node };
    let start = performance.now();
    let isRepeat = false;
    const measure = async () => {
      start = performance.now();
      const result = await measureWorkload(workload, names, plan, context, {
        onSkip: (line) => isRepeat || onSkip(line),
        onProgress: (peer, round) =>
          showProgress(`${place}: ${peer} ${round === 0 ? 'warm-up' : `round ${round}`}`),
      });
      if (isRepeat) repeatBudgetMs -= performance.now() - start;
      return result;
    };
    return measureUndisturbed(measure, plan.repeats, ({ disturbance }) => {
      const mayRepeat = repeatBudgetMs > performance.now() - start;
      if (mayRepeat) printLine(`${workload.id} again: ${disturbance.reasons.join('; ')}`);
      isRepeat = true;
      return mayRepeat;
    });
  };
}

/**
 * @param {Options} options
 * @param {Measure} measure
 */
async function measureRows({ workloads }, measure) {
  const results = [];
  for (const [index, workload] of workloads.entries()) {
    const place = `[${index + 1}/${workloads.length}] ${workload.id}`;
    const result = await measure(workload, process.execPath, place);
    clearProgress();
    printWorkload(result);
    results.push(result);
  }
  return results;
}

/**
 * Goes row by row over all versions of Node, so that they share what the machine did.
 *
 * @param {Options} options
 * @param {Measure} measure
 * @param {(line: string) => void} onSkip
 */
async function measureNodes({ nodes, workloads }, measure, onSkip) {
  const found = findNodes(nodes, onSkip);
  /** @type {import('./types.d.ts').NodeResult[]} */
  const results = found.map(({ version }) => ({ version, workloads: [] }));
  for (const [index, workload] of workloads.entries()) {
    for (const [column, { path, version }] of found.entries()) {
      const place = `[${index + 1}/${workloads.length}] ${workload.id}, Node ${version}`;
      results[column]?.workloads.push(await measure(workload, path, place));
    }
    showNodeRow(results, workload.id);
  }
  return results;
}

/** @param {Options} options */
async function runAll(options) {
  /** @type {string[]} */
  const skipped = [];
  const onSkip = (/** @type {string} */ line) => {
    skipped.push(line);
    printLine(line);
  };
  const startedAt = new Date();
  const endWatch = watchMachine();
  const machine = describeMachine(options.peers);
  printMachine(machine);
  const present = options.peers.filter((peer) => {
    const reason = missingReason(peer);
    if (reason !== undefined) onSkip(`${peer} skipped: ${reason}`);
    return reason === undefined;
  });
  const measure = createMeasure(options, present, { machine, onSkip });
  const comparesNodes = options.nodes.length > 0;
  const workloads = comparesNodes ? [] : await measureRows(options, measure);
  const nodes = comparesNodes ? await measureNodes(options, measure, onSkip) : [];
  const verdicts = comparesNodes ? judgeNodes(nodes) : judge(workloads);
  const load = endWatch();
  if (comparesNodes) printNodes(nodes);
  printVerdicts(verdicts);
  printLoad(load);
  const { rounds, windowMs } = options.plan;
  /** @type {import('./types.d.ts').Report} */
  const report = {
    format: 2,
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    machine,
    load,
    options: { rounds, windowMs, quick: options.quick },
    workloads,
    nodes,
    verdicts,
    skipped,
  };
  return report;
}

async function main() {
  const options = parseArguments(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return;
  }
  if (options.list) {
    for (const { id, group, title } of WORKLOADS)
      console.log(`${id.padEnd(20)} ${group}: ${title}`);
    return;
  }
  installPeers();
  installBuilds(options);
  const report = await runAll(options);
  console.log(`\n${report.seconds} s`);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
    console.log(`Written: ${options.json}`);
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
