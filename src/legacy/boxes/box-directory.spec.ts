import { expect, it } from '@jest/globals';
import { EventBus } from '../../core/index.js';
import type { DatabaseConnection } from '../../database/index.js';
import type { VehiclesService } from '../../vehicles/index.js';
import type { KnownBoxes } from '../spool/known-boxes.js';
import { BoxDirectory } from './box-directory.js';

const HOUR_MS = 3_600_000;

it('reads the box codes again when the clock is set back, because their age is not known', async () => {
  let nowMs = 10 * HOUR_MS;
  const boxes = new Map([['291', 'a']]);
  const directory = new BoxDirectory(
    { boxes: () => Promise.resolve(new Map(boxes)) } as unknown as VehiclesService,
    { hasStarted: true } as unknown as DatabaseConnection,
    { nowMs: () => nowMs },
    { save: () => Promise.resolve() } as unknown as KnownBoxes,
    new EventBus(),
  );
  expect(await directory.find('291')).toBe('a');
  boxes.set('292', 'b');
  expect(await directory.find('292')).toBeNull();
  nowMs -= HOUR_MS;
  expect(await directory.find('292')).toBe('b');
});
