/**
 * `npm run bench:charts -- results.json [more.json] [--directory DIR]`: turns the JSON of runs into
 * docs/charts/*.svg and rewrites the figures between the markers of docs/performance.md and
 * README.md.
 *
 * Everything else in those files is written by hand and left alone. A run of `--nodes` rewrites the
 * table of versions, another run the rest. A directory other than this package takes copies
 * instead, to look at figures without publishing them.
 */

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { renderChart, THEMES } from './report/chart.mjs';
import { chartName, groupResults, renderFigures } from './report/markdown.mjs';
import { renderNodes } from './report/nodes.mjs';
import { renderReadmeTable } from './report/readme.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PERFORMANCE = 'docs/performance.md';
const README = 'README.md';

/**
 * @param {string} directory
 * @param {string} file
 * @param {{ section: string; text: string }} replacement - of what stands between the two markers
 */
function replaceSection(directory, file, { section, text }) {
  const path = join(directory, file);
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    cpSync(join(ROOT, file), path);
  }
  const before = readFileSync(path, 'utf8');
  const startMarker = `<!-- ${section}: start (bench/chart.mjs writes up to the end marker) -->`;
  const start = before.indexOf(startMarker);
  const end = before.indexOf(`<!-- ${section}: end -->`);
  if (start === -1 || end < start) throw new Error(`${path} has lost its markers of ${section}`);
  const head = before.slice(0, start + startMarker.length);
  writeFileSync(path, `${head}\n\n${text}\n\n${before.slice(end)}`);
  console.log(`${path}: ${section} written`);
}

/**
 * @param {import('./types.d.ts').Report} report
 * @param {string} directory
 */
function writeCharts(report, directory) {
  const charts = join(directory, 'docs/charts');
  mkdirSync(charts, { recursive: true });
  for (const [group, results] of groupResults(report)) {
    for (const theme of THEMES) {
      const path = join(charts, `${chartName(group)}-${theme}.svg`);
      writeFileSync(path, renderChart(group, results, theme));
    }
  }
}

/**
 * @param {string} source
 * @param {string} directory
 */
function publish(source, directory) {
  /** @type {import('./types.d.ts').Report} */
  const report = JSON.parse(readFileSync(source, 'utf8'));
  if (report.format !== 2) throw new Error(`${source} is not a report of this bench`);
  if (report.nodes.length > 0) {
    replaceSection(directory, PERFORMANCE, { section: 'nodes', text: renderNodes(report) });
  }
  if (report.workloads.length > 0) {
    writeCharts(report, directory);
    replaceSection(directory, PERFORMANCE, { section: 'figures', text: renderFigures(report) });
    replaceSection(directory, README, { section: 'figures', text: renderReadmeTable(report) });
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { directory: { type: 'string', default: ROOT } },
});
if (positionals.length === 0) {
  console.error('usage: node bench/chart.mjs RESULTS.json [MORE.json] [--directory DIR]');
  process.exitCode = 1;
}
for (const source of positionals) publish(source, values.directory);
