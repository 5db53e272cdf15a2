// The page of one case and agent: the verdict and why, what was sent, what was wanted, what came,
// and the wire log.
import type { ConformanceCase } from '../cases/case.ts';
import type { CaseResult } from '../play/verdict.ts';
import type { WireLogEntry } from '../wire/wire-log.ts';
import { describeSteps, describeWanted } from './describe-case.ts';
import { badge, escapeHtml, htmlPage } from './html-page.ts';

function lines(texts: readonly string[]): string {
  return `<pre>${texts.map(escapeHtml).join('\n')}</pre>`;
}

function logRow({ atMs, by, text }: WireLogEntry): string {
  const arrow = { suite: 'suite →', peer: '← peer', note: '' }[by];
  const cells = [`${atMs.toFixed(1)} ms`, arrow, escapeHtml(text)].map(
    (cell) => `<td>${cell}</td>`,
  );
  return `<tr class="by-${by}">${cells.join('')}</tr>`;
}

function wantedList(conformanceCase: ConformanceCase, result: CaseResult): string {
  const seen = result.events.length === 0 ? ['nothing'] : result.events;
  const close = result.remoteCloseCode ?? 'without a code, or none';
  const pairs: [string, readonly string[]][] = [
    ...describeWanted(conformanceCase),
    ['Seen events', seen],
    ['Seen close', [`close code of the peer: ${close}`]],
  ];
  return pairs
    .map(([term, texts]) => `<dt>${escapeHtml(term)}</dt><dd>${lines(texts)}</dd>`)
    .join('\n');
}

/** Makes the page of a case. */
export function casePage(
  agent: string,
  conformanceCase: ConformanceCase,
  result: CaseResult,
): string {
  const { id, title, expectation } = conformanceCase;
  return htmlPage(
    `Case ${id}, ${agent}`,
    `<p><a href="index.html">All cases</a></p>
<h1>Case ${id}</h1>
<p>${escapeHtml(title)}</p>
<p class="soft">${escapeHtml(agent)}, ${result.durationMs} ms</p>
<div class="card"><dl>
<dt>Events</dt><dd>${badge(result.behavior)} ${escapeHtml(result.reason)}</dd>
<dt>Close</dt><dd>${badge(result.behaviorClose)} ${escapeHtml(result.reasonClose)}</dd>
<dt>Expectation</dt><dd>${escapeHtml(expectation)}</dd>
</dl></div>
<h2>What is sent</h2>
<div class="card">${lines(describeSteps(conformanceCase))}</div>
<h2>What is wanted, what was seen</h2>
<div class="card"><dl>
${wantedList(conformanceCase, result)}
</dl></div>
<h2>Wire log</h2>
<table class="log">
<thead><tr><th>Time</th><th></th><th>Frame</th></tr></thead>
<tbody>
${result.wireLog.map(logRow).join('\n')}
</tbody>
</table>`,
  );
}
