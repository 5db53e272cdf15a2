import { expect, it } from 'vitest';
import { collectFaults } from '../../src/handshake/handshake-faults.ts';

it('Faults are gathered in order, each with its own status, or with that of a response', () => {
  const faults = collectFaults();
  faults.report('WS_HANDSHAKE_METHOD');
  faults.report('WS_HANDSHAKE_ORIGIN', 'why');
  expect(faults.errors).toMatchObject([
    { code: 'WS_HANDSHAKE_METHOD', status: 405 },
    { code: 'WS_HANDSHAKE_ORIGIN', status: 403, message: expect.stringMatching(/: why$/) },
  ]);
  const ofResponse = collectFaults(404);
  ofResponse.report('WS_RESPONSE_STATUS');
  expect(ofResponse.errors).toMatchObject([{ status: 404 }]);
});
