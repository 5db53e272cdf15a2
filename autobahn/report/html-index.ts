// The overview page: for each agent its counts and one square a case, then the table of all cases
// and agents.
import { allCases, sectionOf, sectionTitles } from '../cases/index.ts';
import { type Behavior, overallBehavior } from '../play/verdict.ts';
import { badge, behaviorClass, escapeHtml, htmlPage } from './html-page.ts';
import type { IndexEntry, ReportIndex } from './results-file.ts';

const casesById = new Map(allCases.map((conformanceCase) => [conformanceCase.id, conformanceCase]));

function pageOf(entry: IndexEntry): string {
  return escapeHtml(entry.reportfile.replace(/\.json$/, '.html'));
}

function counts(entries: readonly IndexEntry[]): string {
  const byBehavior = new Map<Behavior, number>();
  for (const entry of entries) {
    const behavior = overallBehavior(entry);
    byBehavior.set(behavior, (byBehavior.get(behavior) ?? 0) + 1);
  }
  const badges = [...byBehavior]
    .sort(([, left], [, right]) => right - left)
    .map(
      ([behavior, count]) =>
        `<span class="badge ${behaviorClass(behavior)}">${count} ${behavior}</span>`,
    );
  return `<div class="counts">${badges.join('')}</div>`;
}

function agentCard(agent: string, cases: Readonly<Record<string, IndexEntry>>): string {
  const entries = Object.entries(cases);
  const seconds = entries.reduce((sum, [, entry]) => sum + entry.duration, 0) / 1000;
  const squares = entries.map(([id, entry]) => {
    const behavior = overallBehavior(entry);
    const label = `${id}: ${behavior}`;
    const link = `class="${behaviorClass(behavior)}" href="${pageOf(entry)}"`;
    return `<a ${link} title="${label}" aria-label="${label}"></a>`;
  });
  return `<section class="card">
<h2 style="margin-top:0">${escapeHtml(agent)}</h2>
<p class="soft">${entries.length} cases, ${seconds.toFixed(1)} s over all connections</p>
${counts(entries.map(([, entry]) => entry))}
<div class="matrix">${squares.join('')}</div>
</section>`;
}

function verdictCell(entry: IndexEntry | undefined): string {
  if (entry === undefined) return '<td class="verdict soft">not run</td>';
  const code = entry.remoteCloseCode === null ? '' : ` · ${entry.remoteCloseCode}`;
  const detail = `<small>${entry.duration} ms${code}</small>`;
  const behavior = badge(overallBehavior(entry));
  return `<td class="verdict"><a href="${pageOf(entry)}">${behavior}</a>${detail}</td>`;
}

function caseRows(index: ReportIndex): string {
  const agents = Object.keys(index);
  const played = allCases.filter(({ id }) => agents.some((agent) => index[agent]?.[id]));
  let section = '';
  const rows = played.flatMap(({ id, title }) => {
    const cells = agents.map((agent) => verdictCell(index[agent]?.[id])).join('');
    const name = `<td class="number">${id}</td><td class="title">${escapeHtml(title)}</td>`;
    const row = `<tr>${name}${cells}</tr>`;
    if (sectionOf(id) === section) return [row];
    section = sectionOf(id);
    const heading = `${section} &nbsp; ${sectionTitles[section] ?? ''}`;
    return [`<tr class="section"><td colspan="${agents.length + 2}">${heading}</td></tr>`, row];
  });
  return rows.join('\n');
}

/**
 * Makes the overview page.
 *
 * @param side - what the agents are: servers or clients
 */
export function indexPage(side: 'server' | 'client', index: ReportIndex): string {
  const agents = Object.keys(index);
  const known = agents.flatMap((agent) => Object.keys(index[agent] ?? {}));
  const unknown = new Set(known.filter((id) => !casesById.has(id)));
  const note =
    unknown.size === 0 ? '' : `<p class="soft">${unknown.size} unknown cases are not listed.</p>`;
  const heads = agents.map((agent) => `<th>${escapeHtml(agent)}</th>`).join('');
  return htmlPage(
    `WebSocket conformance of ${side}s`,
    `<h1>WebSocket conformance of ${side}s</h1>
<p class="soft">The cases of the Autobahn test suite, judged strictly: OK means that the event log,
the close code and the end of TCP are all as wanted. Each square and each verdict leads to the wire
log of its case.</p>
${agents.map((agent) => agentCard(agent, index[agent] ?? {})).join('\n')}
${note}
<h2>All cases</h2>
<table>
<thead><tr><th>Case</th><th>What is sent</th>${heads}</tr></thead>
<tbody>
${caseRows(index)}
</tbody>
</table>`,
  );
}
