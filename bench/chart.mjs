/**
 * `npm run bench:charts -- results.json [directory]`: turns the JSON of a run into
 * docs/charts/*.svg and rewrites the figures of docs/performance.md between its two markers.
 *
 * Everything else in that file is written by hand and left alone. A directory other than docs/
 * takes a copy instead, to look at figures without publishing them.
 */

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderChart, THEMES } from './report/chart.mjs';
import { chartName, groupResults, renderFigures } from './report/markdown.mjs';

const DOCS = fileURLToPath(new URL('../docs/', import.meta.url));
const START = '<!-- figures: start (bench/chart.mjs writes up to the end marker) -->';
const END = '<!-- figures: end -->';

/**
 * @param {string} path
 * @param {string} figures
 */
function replaceFigures(path, figures) {
  const text = readFileSync(path, 'utf8');
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start === -1 || end < start) throw new Error(`${path} has lost its figure markers`);
  const head = text.slice(0, start + START.length);
  writeFileSync(path, `${head}\n\n${figures}\n\n${text.slice(end)}`);
}

/**
 * @param {string} source
 * @param {string} directory
 */
function publish(source, directory) {
  /** @type {import('./types.d.ts').Report} */
  const report = JSON.parse(readFileSync(source, 'utf8'));
  if (report.format !== 1) throw new Error(`${source} is not a report of this bench`);
  const charts = join(directory, 'charts');
  mkdirSync(charts, { recursive: true });
  const groups = groupResults(report);
  for (const [group, results] of groups) {
    for (const theme of THEMES) {
      const path = join(charts, `${chartName(group)}-${theme}.svg`);
      writeFileSync(path, renderChart(group, results, theme));
    }
  }
  const document = join(directory, 'performance.md');
  if (!existsSync(document)) copyFileSync(join(DOCS, 'performance.md'), document);
  replaceFigures(document, renderFigures(report));
  console.log(`${document} and ${groups.size * THEMES.length} charts written`);
}

const [source, directory = DOCS] = process.argv.slice(2);
if (source === undefined) {
  console.error('usage: node bench/chart.mjs RESULTS.json [DIRECTORY]');
  process.exitCode = 1;
} else {
  publish(source, directory);
}
