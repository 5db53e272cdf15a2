/**
 * permessage-deflate with Chromium: a page of the test's own sends back what our server sends it.
 */

import { createServer } from 'node:http';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { WebSocket } from '../../src/api/websocket.ts';
import { listen, until } from '../api/sockets.ts';
import {
  BROWSER_TIME_MS,
  CHROMIUM,
  CHROMIUM_ARGUMENTS,
  isChromiumMissing,
} from '../support/chromium.ts';
import {
  AGREEMENTS,
  collect,
  conversation,
  describeAgreement,
  expectGranted,
  ownOptions,
} from './deflate-conversation.ts';

/** Sends everything back, and shows in its title how it ended. */
const PAGE = `<!doctype html><title>open</title><script>
  const socket = new WebSocket(location.href.replace('http', 'ws'));
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onclose = ({ code, wasClean }) => { document.title = code + ' ' + wasClean; };
</script>`;

const isMissing = isChromiumMissing('permessage-deflate in a browser');

describe.skipIf(isMissing)('permessage-deflate with Chromium', { timeout: BROWSER_TIME_MS }, () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...CHROMIUM_ARGUMENTS] });
    page = await browser.newPage();
  }, BROWSER_TIME_MS);

  afterAll(() => browser?.close(), BROWSER_TIME_MS);

  it.each(AGREEMENTS.map((agreement) => [describeAgreement(agreement), agreement] as const))(
    'at our server, wishing for %s',
    async (_, agreement) => {
      const extensions = [permessageDeflate.configure(ownOptions('server', agreement))];
      const server = createServer((_request, response) => {
        response.setHeader('Content-Type', 'text/html');
        response.end(PAGE);
      });
      const accepted: WebSocket[] = [];
      server.on('upgrade', (request, socket, head) => {
        accepted.push(new WebSocket(request, socket, head, [], { extensions }));
      });
      const port = await listen(server);
      await page.goto(`http://127.0.0.1:${port}/`);
      await until(() => accepted[0]?.readyState === 1);
      const ours = accepted[0]!;
      expectGranted(ours.extensions, agreement);

      const sent = conversation('chromium');
      const received = collect(ours);
      for (const message of sent) ours.send(message);
      await until(() => received.length === sent.length || ours.readyState !== 1);
      expect(received.length).toBe(sent.length);
      const isSame = sent.map((message, index) => {
        const back = received[index]!;
        return typeof message === 'string' ? message === back : message.equals(Buffer.from(back));
      });
      expect(isSame.indexOf(false)).toBe(-1);

      ours.close(1000);
      await page.waitForFunction('document.title !== "open"');
      expect(await page.title()).toBe('1000 true');
    },
  );
});
