import { describe, expect, it } from '@jest/globals';
import { type FailedStep, EMPTY_SCHEMA_STATE } from './schema-state.js';
import { adviceFor, viewOf } from './schema-view.js';

const SUPPORTED = { min: 3, max: 5 };
const failure = (version: number): FailedStep => ({
  version,
  name: 'made-up',
  kind: 'expand',
  error: 'no room',
  whatToDo: 'When its cause is mended, type: samserver schema up',
});

describe('viewOf', () => {
  it.each([
    [0, 'too_old', 5],
    [2, 'too_old', 3],
    [3, 'fits', 2],
    [5, 'fits', 0],
    [6, 'too_new', 0],
  ])('version %i: %s, %i pending', (version, fit, pending) => {
    const view = viewOf({ ...EMPTY_SCHEMA_STATE, version }, SUPPORTED);
    expect(view).toEqual({
      current: version,
      supported: SUPPORTED,
      pending,
      lock: { held: false },
      fit,
      failed: null,
    });
  });

  it('is too new while a contract step beyond the supported versions is announced', () => {
    const fitWhile = (contractingTo: number) =>
      viewOf({ ...EMPTY_SCHEMA_STATE, version: 5, contractingTo }, SUPPORTED).fit;
    expect([fitWhile(5), fitWhile(6)]).toEqual(['fits', 'too_new']);
  });

  it('fails with a step of this release, not with a step of a newer release', () => {
    const viewWith = (version: number) =>
      viewOf({ ...EMPTY_SCHEMA_STATE, version: 4, failed: failure(version) }, SUPPORTED);
    expect(viewWith(5)).toMatchObject({
      fit: 'failed',
      failed:
        'step 5 (0005-made-up, expand) failed: no room. When its cause is mended, type: samserver schema up',
    });
    expect(viewWith(6)).toMatchObject({ fit: 'fits', failed: null });
  });

  it('shows a held lock', () => {
    expect(viewOf({ ...EMPTY_SCHEMA_STATE, owner: 'host:1:a' }, SUPPORTED).lock).toEqual({ held: true });
  });
});

describe('adviceFor', () => {
  it.each([
    [
      'too old',
      { ...EMPTY_SCHEMA_STATE, version: 2 },
      'schema 2, this release works with 3 to 5. Type: samserver schema up',
    ],
    ['too new', { ...EMPTY_SCHEMA_STATE, version: 6 }, 'Start a release that can'],
    [
      'failed',
      { ...EMPTY_SCHEMA_STATE, version: 4, failed: failure(5) },
      'no room. When its cause is mended, type: samserver schema up',
    ],
  ])('%s: names the command', (_, state, text) => {
    expect(adviceFor(viewOf(state, SUPPORTED))).toContain(text);
  });
});
