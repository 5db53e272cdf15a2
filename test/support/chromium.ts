/** The Chromium of the system, for tests in a browser. */

import { existsSync } from 'node:fs';

export const CHROMIUM = '/usr/bin/chromium';

/** As root, and without the services that would call home. */
export const CHROMIUM_ARGUMENTS: readonly string[] = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long a browser may take on a busy machine. */
export const BROWSER_TIME_MS = 120_000;

/** Tells whether there is none, and says then what is skipped. */
export function isChromiumMissing(skipped: string): boolean {
  const isMissing = !existsSync(CHROMIUM);
  if (isMissing) console.warn(`Skipped: ${skipped}: ${CHROMIUM} is missing.`);
  return isMissing;
}
