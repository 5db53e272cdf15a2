// Installs the frameworks of this folder as they are locked; sanswire is a link to this checkout.
// Next.js has its compiler among its optional dependencies, so those stay.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('.', import.meta.url));
execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd });
