import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PLAN } from './front-door-plan.js';
import { NginxControl } from './nginx-control.js';
import { programRunner, type ProgramResult } from './run-program.js';

function control(result: Partial<ProgramResult>, container: string | null = null) {
  const commands: string[] = [];
  const nginx = new NginxControl(
    async (file, args) => {
      commands.push([file, ...args].join(' '));
      return { code: 0, stdout: '', stderr: '', ...result };
    },
    { container, ports: DEFAULT_PLAN.ports },
  );
  return { nginx, commands };
}

describe('NginxControl', () => {
  it('runs nginx on the host or in its container', async () => {
    const stdout = 'x\n# configuration file /a/front-door.conf:\n';
    const [host, inContainer] = [control({ stdout }), control({ stdout }, 'edge')];
    for (const { nginx } of [host, inContainer]) {
      await nginx.test('/a/front-door.conf');
      await nginx.reload();
    }
    expect(host.commands).toEqual(['nginx -T', 'nginx -s reload']);
    expect(inContainer.commands).toEqual(['docker exec edge nginx -T', 'docker exec edge nginx -s reload']);
  });

  it('names the line that is missing when nginx does not read the include', async () => {
    const { nginx } = control({ stdout: '# configuration file /etc/nginx/nginx.conf:\n' });
    await expect(nginx.test('/a/front-door.conf')).rejects.toThrow('include /a/*.conf;');
  });

  it.each([
    [
      { code: 1, stderr: 'nginx: [emerg] bind() failed' },
      /refuses the configuration:\nnginx: \[emerg\] bind/,
    ],
    [{ code: 127, stderr: 'spawn nginx ENOENT' }, /nginx was not found/],
  ])('passes on what nginx says: %j', async (result, message) => {
    // The dump on stdout contains the mirror secret.
    const { nginx } = control({ stdout: 'proxy_set_header X-Samserver-Mirror "secret";', ...result });
    const error = await nginx.test('/a').catch((each: unknown) => String(each));
    expect(error).toMatch(message);
    expect(error).not.toMatch(/secret/);
  });

  it('names the file of another program that stops the reload, and what to do', async () => {
    const stderr = 'nginx: [emerg] unknown directive "foo" in /etc/nginx/sites-enabled/shop:12\n';
    const refused = (path: string) => control({ code: 1, stderr }).nginx.test(path);
    await expect(refused('/a/front-door.conf')).rejects.toThrow(
      /in \/etc\/nginx\/sites-enabled\/shop, line 12, which is no file of the front door[^]*`nginx -t`/,
    );
    await expect(refused('/etc/nginx/sites-enabled/front-door.conf')).rejects.not.toThrow(/no file of the/);
  });

  it('ends an nginx that hangs, and says so', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'nginx-control-'));
    try {
      await writeFile(join(directory, 'nginx'), '#!/bin/sh\nsleep 600\n', { mode: 0o755 });
      const run = programRunner({ PATH: `${directory}:/usr/bin:/bin` });
      const nginx = new NginxControl(run, { container: null, ports: DEFAULT_PLAN.ports });
      await expect(nginx.test('/a/front-door.conf', 100)).rejects.toThrow(
        /nginx -T did not end within 0\.1 s/,
      );
      await expect(nginx.reload(100)).rejects.toThrow(/nginx -s reload did not end within 0\.1 s/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('fails when nginx does not run', async () => {
    const { nginx } = control({ code: 1, stderr: 'open() "/run/nginx.pid" failed' });
    await expect(nginx.reload()).rejects.toThrow('does it run?');
  });
});
