/**
 * `npm run bench`: measures Sanswire beside its peers on this machine and prints ratios.
 *
 * Starts processes on 127.0.0.1 only, measures one workload at a time, and ends only what it
 * started. Figures of one run may be compared with each other; figures of two runs may not
 * (docs/performance.md says why).
 */

import { writeFileSync } from 'node:fs';
import { missingReason } from './peers/index.mjs';
import {
  clearProgress,
  printMachine,
  printVerdicts,
  printWorkload,
  showProgress,
} from './report/terminal.mjs';
import { parseArguments, USAGE } from './runner/arguments.mjs';
import { createCertificate } from './runner/certificate.mjs';
import { installPeers } from './runner/install.mjs';
import { describeMachine } from './runner/machine.mjs';
import { measureWorkload } from './runner/rounds.mjs';
import { judge } from './targets.mjs';
import { WORKLOADS } from './workloads.mjs';

/** @param {ReturnType<typeof parseArguments>} options */
async function measureAll({ workloads, peers, plan, quick }) {
  /** @type {string[]} */
  const skipped = [];
  const onSkip = (/** @type {string} */ line) => {
    skipped.push(line);
    clearProgress();
    console.log(line);
  };
  const machine = describeMachine();
  printMachine(machine);
  const present = peers.filter((peer) => {
    const reason = missingReason(peer);
    if (reason !== undefined) onSkip(`${peer} skipped: ${reason}`);
    return reason === undefined;
  });
  const context = { machine, certificate: createCertificate() };
  const startedAt = new Date().toISOString();
  const results = [];
  for (const [index, workload] of workloads.entries()) {
    const names = workload.peers.filter((peer) => present.includes(peer));
    const place = `[${index + 1}/${workloads.length}] ${workload.id}`;
    const result = await measureWorkload(workload, names, plan, context, {
      onSkip,
      onProgress: (peer, round) =>
        showProgress(`${place}: ${peer} ${round === 0 ? 'warm-up' : `round ${round}`}`),
    });
    clearProgress();
    printWorkload(result);
    results.push(result);
  }
  const verdicts = judge(results);
  printVerdicts(verdicts);
  const { rounds, windowMs } = plan;
  /** @type {import('./types.d.ts').Report} */
  const report = {
    format: 1,
    startedAt,
    machine,
    options: { rounds, windowMs, quick },
    workloads: results,
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
  const start = performance.now();
  const report = await measureAll(options);
  console.log(`\n${Math.round((performance.now() - start) / 1000)} s`);
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
