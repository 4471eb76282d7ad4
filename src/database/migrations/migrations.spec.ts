import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIGRATIONS, SUPPORTED_SCHEMA } from './index.js';

/** Collections that the old server and the programs beside it still need. */
const OLD_SERVERS_OWN = [
  'ambulances',
  'ambulance_trackings',
  'ambulance_tracking_histories',
  'ambulance_images',
  'ambulance_image_histories',
  'ambulance_crashes',
  'aoc_requests',
];

const sources = readdirSync(import.meta.dirname).filter((name) => !/\.spec\.ts$/.test(name));
const stepFiles = sources.filter((name) => /^\d{4}-/.test(name)).sort();

describe('the steps of the schema', () => {
  it('count up by one, and each has a file with its name', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
    const names = MIGRATIONS.map(({ version, name }) => `${String(version).padStart(4, '0')}-${name}.ts`);
    expect(names).toEqual(stepFiles);
  });

  it('are all part of the release, which supports the newest', () => {
    expect(SUPPORTED_SCHEMA.max).toBe(MIGRATIONS.length);
    expect(SUPPORTED_SCHEMA.min).toBeGreaterThanOrEqual(1);
    expect(SUPPORTED_SCHEMA.min).toBeLessThanOrEqual(SUPPORTED_SCHEMA.max);
  });

  it.each(sources)('%s names no collection of the old server', (name) => {
    const source = readFileSync(join(import.meta.dirname, name), 'utf8');
    expect(OLD_SERVERS_OWN.filter((own) => new RegExp(`\\b${own}\\b`).test(source))).toEqual([]);
  });
});
