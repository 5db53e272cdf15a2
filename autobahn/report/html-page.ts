// What all report pages share: the frame, the style sheet with its light and dark colours,
// escaping, the badge of a verdict.
//
// Pages stand alone, without scripts or other files: they open from a disk, an archive or a CI
// artifact.
import type { Behavior } from '../play/verdict.ts';

/** Makes text safe between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** The CSS class of a verdict. */
export function behaviorClass(behavior: Behavior): string {
  return `is-${behavior.toLowerCase().replaceAll(' ', '-')}`;
}

/** A verdict as a coloured word. */
export function badge(behavior: Behavior): string {
  return `<span class="badge ${behaviorClass(behavior)}">${behavior}</span>`;
}

const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b2330; --soft: #5c6779; --line: #dfe3ea;
  --link: #1f5fbf;
  --ok: #2e8b57; --non-strict: #b7791f; --failed: #c53a3a; --unclean: #b4532a;
  --informational: #3b78b8; --unimplemented: #77809a; --on-color: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161d; --card: #1a2029; --ink: #e3e8f0; --soft: #93a0b4; --line: #2c3542;
    --link: #83b4ff;
    --ok: #3f9e6a; --non-strict: #c98f32; --failed: #d9534f; --unclean: #cb6b3f;
    --informational: #4a8fd6; --unimplemented: #69738c; --on-color: #0d1117;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1400px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
p { margin: .25rem 0 .75rem; } .soft { color: var(--soft); } a { color: var(--link);
  text-decoration: none; }
a:hover { text-decoration: underline; } code, pre { font: 13px/1.5 ui-monospace, monospace; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.15rem; margin: 1rem 0; }
.badge { display: inline-block; border-radius: 5px; padding: .05rem .5rem; font-size: .78rem;
  font-weight: 600;
  color: var(--on-color); background: var(--shade); white-space: nowrap; }
.is-ok { --shade: var(--ok); } .is-non-strict { --shade: var(--non-strict); }
.is-failed { --shade: var(--failed); }
.is-wrong-code, .is-unclean, .is-failed-by-client { --shade: var(--unclean); }
.is-informational { --shade: var(--informational); }
.is-unimplemented { --shade: var(--unimplemented); }
.counts { display: flex; flex-wrap: wrap; gap: .4rem; margin: .5rem 0 .8rem; }
.matrix { display: grid; grid-template-columns: repeat(auto-fill, 12px); gap: 3px; }
.matrix a { width: 12px; height: 12px; border-radius: 3px; background: var(--shade); }
.matrix a:hover { outline: 2px solid var(--ink); }
table { border-collapse: collapse; width: 100%; background: var(--card);
  border: 1px solid var(--line); }
th, td { text-align: left; padding: .32rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .82rem; } thead th { position: sticky;
  top: 0; background: var(--card); }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.title { overflow-wrap: anywhere; min-width: 14rem; } td.verdict { white-space: nowrap; }
td.verdict small { color: var(--soft); margin-left: .45rem; }
tr.section td { background: var(--page); font-weight: 600; padding-top: 1rem; }
.log td { font: 12.5px/1.45 ui-monospace, monospace; word-break: break-all; }
.log .by-suite td:nth-child(2) { color: var(--informational); }
.log .by-peer td:nth-child(2) { color: var(--ok); }
.log .by-note td { color: var(--soft); } .log td:nth-child(-n + 2) { white-space: nowrap;
  word-break: normal; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; } pre { margin: 0; white-space: pre-wrap;
  word-break: break-all; }
`;

/** Puts a page together. */
export function htmlPage(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}
