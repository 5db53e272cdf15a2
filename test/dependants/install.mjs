// Installs the programs of this folder with overrides that put Sanswire under them in place of
// `faye-websocket` and of `ws` 8, as an application does with "overrides": {"ws@^8":
// "npm:sanswire-ws"}, and in place of the ws 6 that y-websocket asks for. sanswire-ws comes packed,
// as from the registry, and sanswire is a link to this checkout, so that what runs is what was
// built last.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const run = (folder, ...args) => execFileSync('npm', args, { cwd: folder, encoding: 'utf8' });

mkdirSync(`${here}packed`, { recursive: true });
const packed = run(
  `${here}../../packages/ws`,
  'pack',
  '--silent',
  '--pack-destination',
  `${here}packed`,
);
renameSync(`${here}packed/${packed.trim()}`, `${here}packed/sanswire-ws.tgz`);
run(here, 'ci', '--omit=optional', '--no-audit', '--no-fund');
