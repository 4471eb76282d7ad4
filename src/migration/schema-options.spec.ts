import { describe, expect, it } from '@jest/globals';
import { UsageError } from './command-runner.js';
import { parseSchemaOptions } from './schema-options.js';

describe('parseSchemaOptions', () => {
  it('reads every option', () => {
    const line = 'contract --backup /b --yes --wait 0 --json --dry-run';
    expect(parseSchemaOptions(line.split(' '))).toEqual({
      action: 'contract',
      backup: '/b',
      isConfirmed: true,
      waitMs: 0,
      isJson: true,
      isDryRun: true,
    });
    expect(parseSchemaOptions(['up'])).toMatchObject({ waitMs: 60_000, isConfirmed: false, isDryRun: false });
    expect(parseSchemaOptions(['--help'])).toBe('help');
  });

  it.each([
    '',
    'down',
    'up up',
    'up --yes',
    'status --backup /b',
    'up --wait x',
    'up --wait=-1',
    'up --force',
  ])('refuses "%s"', (line) => {
    const argv = line.split(' ').filter((word) => word !== '');
    expect(() => parseSchemaOptions(argv)).toThrow(UsageError);
  });
});
