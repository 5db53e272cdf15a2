/**
 * Checks what Biome cannot: the order of the layers, the purity of the core, shift() on queues, and
 * the width of lines that the formatter leaves. Prints each violation; exits with 1 if one is an
 * error.
 *
 *     node scripts/check-layers.mjs [root]
 *
 * It reads lines, not syntax, and relies on Biome's format: imports and comments begin a line.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The layers of src/, lowest first. A file imports only from its own layer or a lower one. The
 * first layer is made of files, the last of the package's entries; the others are folders.
 */
const LAYERS = [
  'errors/limits/option-bag/option-names/platform/bytes/queue/slab/calls/message-buffer/close-code',
  'frame',
  'handshake',
  'extensions',
  'connection',
  'endpoint',
  'event-stream',
  'node',
  'drafts',
  'api',
  'streams',
  'server',
  'channels',
  'compat',
  'entries',
];

/** Entries in a folder, such as `sanswire/pull-ws/source`; the others are files of src/ itself. */
const ENTRY_FOLDERS = ['pull-ws'];

const BASE_FILES = LAYERS[0].split('/');
const CORE_LAST = LAYERS.indexOf('event-stream');
const ENTRIES = LAYERS.indexOf('entries');

const MAX_COLUMNS = 100;
/** The folders whose lines are measured, and whether a line that is too wide is an error there. */
const MEASURED = {
  src: true,
  test: true,
  examples: false,
  scripts: false,
  bench: false,
  autobahn: true,
};

const COMMENT_LINE = /^[ \t]*(?:\/\*|\*(?=[ /]|$)|\/\/).*$/gm;
const TRAILING_COMMENT = / \/\/ .*$/gm;
const STRING = /'(?:\\.|[^'\\\n])*'/g;
const IMPORTS = [
  /^import\s(?:[^'";]*?\sfrom\s)?'([^']+)'/gm,
  /^export\s(?:type\s)?(?:\*[^'";]*|\{[^}]*\})\sfrom\s'([^']+)'/gm,
  /\bimport\(\s*'([^']+)'/g,
];
const PLATFORM_GLOBAL = /(?<![.\w#$])(?:Buffer\b|process(?=\??[.[]))/g;

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const errors = [];
const warnings = [];

for (const [folder, isError] of Object.entries(MEASURED)) {
  for (const path of listSources(join(root, folder))) {
    const name = relative(root, path).split(sep).join('/');
    const text = readFileSync(path, 'utf8');
    if (folder === 'src') checkSource(name.slice('src/'.length), text);
    const wide = findWideLines(text);
    const message = `${name} has lines over ${MAX_COLUMNS} columns: ${wide.join(', ')}`;
    if (wide.length > 0) (isError ? errors : warnings).push(message);
  }
}
checkCopies();

for (const warning of warnings) console.log(`warning: ${warning}`);
for (const error of errors) console.log(`error: ${error}`);
console.log(`layers: ${errors.length} errors, ${warnings.length} warnings`);
process.exitCode = errors.length > 0 ? 1 : 0;

function listSources(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : listSources(path);
    return /\.(?:ts|mjs)$/.test(entry.name) ? [path] : [];
  });
}

/** Checks one file of src/, by its path within it. */
function checkSource(path, text) {
  const code = text.replace(COMMENT_LINE, '').replace(TRAILING_COMMENT, '');
  const layer = layerOf(path);
  const isCore = layer <= CORE_LAST;
  const report = (index, message) => {
    errors.push(`src/${path}:${code.slice(0, index).split('\n').length} ${message}`);
  };
  if (layer === -1) return report(0, 'is in no layer');
  for (const pattern of IMPORTS) {
    for (const { index, 1: specifier } of code.matchAll(pattern)) {
      const target = posix.join(posix.dirname(path), specifier);
      if (!specifier.startsWith('.')) {
        if (isCore) report(index, `imports ${specifier} into the core: use Platform`);
      } else if (layerOf(target) === -1 || layerOf(target) > layer) {
        report(index, `imports ${target}, which is in no lower layer`);
      }
    }
  }
  for (const { index } of code.matchAll(/\.shift\(/g)) {
    report(index, 'uses shift(), which moves every element: use src/queue.ts');
  }
  if (!isCore) return;
  const withoutStrings = code.replace(STRING, (string) => ' '.repeat(string.length));
  for (const { index, 0: name } of withoutStrings.matchAll(PLATFORM_GLOBAL)) {
    report(index, `uses ${name} in the core: use Platform`);
  }
}

/** Returns the index in {@link LAYERS} of a file of src/; -1 for none. */
function layerOf(path) {
  const [first, ...rest] = path.split('/');
  if (rest.length === 0) return BASE_FILES.includes(first.replace(/\.ts$/, '')) ? 0 : ENTRIES;
  if (ENTRY_FOLDERS.includes(first)) return ENTRIES;
  return LAYERS.slice(0, ENTRIES).indexOf(first);
}

function findWideLines(text) {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => ([...line].length > MAX_COLUMNS ? [index + 1] : []));
}

/** Checks that the two other places that name layers agree with the list. */
function checkCopies() {
  const guide = join(root, 'CONTRIBUTING.md');
  const config = join(root, 'tsconfig.core.json');
  if (existsSync(guide) && !readFileSync(guide, 'utf8').includes(LAYERS.join(' < '))) {
    errors.push(`CONTRIBUTING.md does not list the layers: ${LAYERS.join(' < ')}`);
  }
  if (!existsSync(config)) return;
  const included = [...readFileSync(config, 'utf8').matchAll(/"(src\/[^"]+)"/g)].map(
    ([, at]) => at,
  );
  const core = [...BASE_FILES.map((name) => `${name}.ts`), ...LAYERS.slice(1, CORE_LAST + 1)];
  if (
    included.sort().join() !==
    core
      .map((name) => `src/${name}`)
      .sort()
      .join()
  ) {
    errors.push('tsconfig.core.json does not include exactly the layers of the core');
  }
}
