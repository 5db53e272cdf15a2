/**
 * The demo in Chromium: a WebSocket and an EventSource that nobody here wrote, against this
 * package.
 *
 * Nothing waits for a time, everything for a condition of the page. What the page must never do (an
 * error in its console, a request that its policy forbids) is looked at in the end of each test.
 */

import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  BROWSER_TIME_MS,
  CHROMIUM,
  CHROMIUM_ARGUMENTS,
  isChromiumMissing,
} from '../support/chromium.ts';
import { ensureBuilt, RunningExample } from './running.ts';

/**
 * What the functions that run in the page use of it: the library of DOM types would be there for
 * every file.
 */
declare const document: {
  getElementById(id: string): {
    readonly textContent: string;
    readonly dataset: Readonly<Record<string, string>>;
    getAttribute(name: string): string | null;
  } | null;
  readonly documentElement: { readonly scrollWidth: number };
};

const isMissing = isChromiumMissing('the demo in a browser');

describe.skipIf(isMissing)('the demo in Chromium', { timeout: BROWSER_TIME_MS }, () => {
  let demo: RunningExample;
  let url: string;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    await ensureBuilt();
    demo = new RunningExample('demo/server.mjs', [], { PORT: '0' });
    [url] = await demo.printed(/http:\/\/127\.0\.0\.1:\d+\//);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...CHROMIUM_ARGUMENTS] });
  }, BROWSER_TIME_MS);

  afterAll(async () => {
    await browser?.close();
    await demo?.stop();
  }, BROWSER_TIME_MS);

  beforeEach(async () => {
    page = await browser.newPage();
    page.setDefaultTimeout(BROWSER_TIME_MS);
    complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(url);
  }, BROWSER_TIME_MS);

  afterEach(() => page.close());

  const text = async (id: string) => (await page.textContent(`#${id}`))?.trim() ?? '';
  const textIs = (id: string, wanted: string) =>
    page.waitForFunction(
      ([element, value]) => document.getElementById(element!)?.textContent?.trim() === value,
      [id, wanted],
    );
  const logHas = (line: string) => page.locator('#log li', { hasText: line }).first().waitFor();

  async function connect(protocol?: string): Promise<void> {
    if (protocol !== undefined) await page.selectOption('#protocol', protocol);
    await page.click('#connect');
    await textIs('state', 'Open');
  }

  async function closedWith(code: string, reason: string, wasClean: string): Promise<void> {
    await page.waitForSelector('#closed:not([hidden])');
    expect([
      await text('closed-code'),
      await text('closed-reason'),
      await text('closed-clean'),
      await text('state'),
    ]).toEqual([code, reason, wasClean, 'Closed']);
  }

  it('connects, echoes text and binary, and tells the round-trip times', async () => {
    await connect();
    expect(await text('fact-protocol')).toBe('echo');
    expect(await text('fact-url')).toBe(`${url.replace('http', 'ws')}echo`);
    await page.fill('#text', 'Grüße aus Chromium');
    await page.click('#send-text');
    await textIs('trip-count', '1');
    for (const size of ['0', '125', '65536', '1048576', '16777216']) {
      await page.selectOption('#size', size);
      await page.click('#send-bytes');
    }
    await textIs('trip-count', '6');
    await page.setInputFiles('#file', {
      name: 'note.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from([1, 2, 3]),
    });
    await textIs('trip-count', '7');
    await logHas('01 02 03');
    for (const id of ['trip-last', 'trip-median', 'trip-minimum']) {
      expect(await text(id)).toMatch(/^\d+(\.\d+)? ms$/);
    }
    // The page compares each echo with what it sent.
    expect(await page.locator('#log .received .preview').allTextContents()).toContain(
      'Grüße aus Chromium',
    );
    expect(await page.locator('#log .received').count()).toBe(7);
    expect(await page.locator('#log .wrong').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('sends many messages in turn, and shows the last of them', async () => {
    await connect();
    await page.selectOption('#repeat', '100');
    await page.click('#send-text');
    await textIs('trip-count', '100');
    await logHas('received');
    // Two of each, and two of the opening, less what is over the most entries that the log shows.
    expect(await page.locator('#log li').count()).toBe(200);
    expect(await page.locator('#log .wrong').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('hears the clock tick over EventSource', async () => {
    await textIs('clock-state', 'Open');
    const clock = page.locator('#clock');
    await page.waitForFunction(
      () => Number(document.getElementById('clock')?.dataset['ticks']) >= 2,
    );
    const earlier = await clock.getAttribute('datetime');
    await page.waitForFunction(
      (time) => document.getElementById('clock')?.getAttribute('datetime') !== time,
      earlier,
    );
    const later = await clock.getAttribute('datetime');
    expect(Date.parse(later!)).toBeGreaterThan(Date.parse(earlier!));
    expect(await text('clock')).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(complaints).toEqual([]);
  });

  it('closes with a code and a reason, and gets both back (RFC 6455 §7.1.5, §7.1.6)', async () => {
    await connect();
    await page.fill('#close-code', '4000');
    await page.fill('#close-reason', 'bye');
    await page.click('#close');
    await closedWith('4000', 'bye', 'true');
    // And opens again.
    await connect();
    expect(await page.locator('#closed').isHidden()).toBe(true);
    await page.click('#connect');
    await closedWith('1005', '(none)', 'true');
    expect(complaints).toEqual([]);
  });

  it('says why a code or reason cannot be sent', async () => {
    await connect();
    await page.fill('#close-code', '1001');
    await page.click('#close');
    await page.locator('#close-error', { hasText: '1001' }).waitFor();
    await page.fill('#close-code', '1006');
    await page.click('#server-close');
    await page.locator('#close-error', { hasText: '1000-1003, 1007-1014 or 3000-4999' }).waitFor();
    expect(await text('state')).toBe('Open');
    expect(complaints).toEqual([expect.stringContaining('400')]);
  });

  it('sees the server close, and drop the connection', async () => {
    await connect();
    await page.fill('#close-code', '4001');
    await page.fill('#close-reason', 'that is enough');
    await page.click('#server-close');
    await closedWith('4001', 'that is enough', 'true');
    await connect();
    await page.click('#server-drop');
    await closedWith('1006', '(none)', 'false');
    await page.locator('#server-answer', { hasText: 'dropped' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('answers the server’s Ping', async () => {
    await connect();
    await page.click('#server-ping');
    await page.locator('#server-answer', { hasText: /Pong after [\d.]+ ms/ }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('is told by the server that a message is too long', async () => {
    await connect();
    await page.selectOption('#size', '16777217');
    await page.click('#send-bytes');
    await page.waitForSelector('#closed:not([hidden])');
    expect(await text('closed-code')).toBe('1009');
    expect(await text('closed-meaning')).toContain('too big');
  });

  it('agrees on a subprotocol, or gives up', async () => {
    await connect('uppercase');
    expect(await text('fact-protocol')).toBe('uppercase');
    await page.fill('#text', 'quiet');
    await page.click('#send-text');
    await logHas('QUIET');
    expect(complaints).toEqual([]);
    await page.click('#connect');
    await textIs('state', 'Closed');
    await page.selectOption('#protocol', 'unheard-of');
    await page.click('#connect');
    await closedWith('1006', '(none)', 'false');
    expect(complaints).toEqual([expect.stringContaining('Sec-WebSocket-Protocol')]);
  });

  it('fits on a phone, where nothing is wider than the screen', async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    await connect();
    await page.fill('#text', 'unbroken'.repeat(100));
    await page.click('#send-text');
    await textIs('trip-count', '1');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    expect(complaints).toEqual([]);
  });
});
