import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  expectVerdictsInBatches,
  expectVerdictsOneByOne,
  hasTraces,
  TRACKS,
} from '../support/recorded-tracks.js';
import { startTestService, type TestService } from '../support/test-service.js';

/** Longer tracks are sent one by one in `e2e/traces.spec.ts`: a position takes 10 ms on the embedded database. */
const MAX_ONE_BY_ONE = 300;
const names = [...TRACKS.keys()];

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

(hasTraces ? describe : describe.skip)('recorded tracks, as recorded', () => {
  it.each(names)('%s, in batches', (name) => expectVerdictsInBatches(service, name));

  it.each(names.filter((name) => (TRACKS.get(name) ?? 0) <= MAX_ONE_BY_ONE))('%s, one by one', (name) =>
    expectVerdictsOneByOne(service, name),
  );
});
