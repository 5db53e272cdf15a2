// Installs OpenTelemetry's API and SDK, which the example examples/opentelemetry.mjs feeds. They
// are no dependencies of the package; sanswire is a link to this checkout.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('.', import.meta.url));
execFileSync('npm', ['ci', '--omit=optional', '--no-audit', '--no-fund'], { cwd });
