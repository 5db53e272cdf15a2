/**
 * The times that the options of this package share: what a timer of Node can measure, and how long an opening handshake
 * may take unless an option says otherwise.
 */

/** The longest delay that a timer of Node keeps, in milliseconds; for a longer one it fires at once. */
export const MAX_TIMER_DELAY_MS: number = 2 ** 31 - 1;

/** The default time for an opening handshake, at either end, in milliseconds. */
export const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
