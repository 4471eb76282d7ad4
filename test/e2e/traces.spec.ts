import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { expectVerdictsOneByOne, hasTraces, TRACKS } from '../support/recorded-tracks.js';
import { startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

(hasTraces ? describe : describe.skip)('recorded tracks, as recorded', () => {
  it.each([...TRACKS.keys()])('%s, one by one', (name) => expectVerdictsOneByOne(service, name));
});
