import { describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { DatabaseConnection, DatabasePhase, SchemaFit, SchemaStatus } from '../../database/index.js';
import { SchemaHealth } from './schema.health.js';

async function reasonsOf(phase: DatabasePhase, fit: SchemaFit): Promise<string[]> {
  const schema = { read: () => Promise.resolve({ fit, current: 0, pending: [] }) } as unknown as SchemaStatus;
  const health = new SchemaHealth(new HealthIndicatorService(), schema, {
    phase,
  } as DatabaseConnection);
  const { schema: result } = await health.check();
  return (result?.issues ?? []).map(({ reason }) => reason);
}

describe('SchemaHealth', () => {
  it.each(['connecting', 'migrating'] as const)(
    'does not report the schema that the start has not judged or migrated yet: %s',
    async (phase) => expect(await reasonsOf(phase, 'too_old')).toEqual([]),
  );

  it.each([
    ['blocked', 'too_old', 'schema.too_old'],
    ['blocked', 'too_new', 'schema.too_new'],
    ['blocked', 'failed', 'schema.failed'],
    ['started', 'too_old', 'schema.too_old'],
    ['migrating', 'failed', 'schema.failed'],
  ] as const)('reports in the phase %s a schema that is %s', async (phase, fit, reason) =>
    expect(await reasonsOf(phase, fit)).toEqual([reason]),
  );
});
