import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { SETTING_GROUPS, UNUSED_SETTINGS } from '../../config/index.js';
import { renderErrorsPage } from './errors-page.js';
import { GENERATED_FILES } from './index.js';
import { markdownTable } from './markdown-table.js';
import { renderEnvExample, renderSettingsPage } from './settings-docs.js';

const names = SETTING_GROUPS.flatMap(({ settings }) => Object.keys(settings));

describe('generated files', () => {
  it.each(Object.entries(GENERATED_FILES))('%s is current; otherwise run `npm run docs`', (path, render) => {
    const committed = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
    expect(committed).toBe(render(committed));
  });
});

describe('.env.example', () => {
  it('assigns every setting once and nothing else', () => {
    const assigned = [...renderEnvExample().matchAll(/^(\w+)=(.*)$/gm)];
    expect(assigned.map(([, name]) => name)).toEqual(names);
    expect(assigned.map(([, , value]) => value).join('')).toBe('');
  });

  it('has no other lines than assignments, comments and empty lines', () => {
    expect(renderEnvExample()).toMatch(/^(?:#.*\n|\w+=\n|\n)+$/);
  });
});

describe('docs/settings.md', () => {
  it('has one row for every setting, used or not', () => {
    const rows = [...renderSettingsPage().matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    expect(rows).toEqual([...names, ...Object.keys(UNUSED_SETTINGS)]);
  });

  it('shows default, unit, range, former name and secrecy', () => {
    const rowOf = (name: string): string =>
      renderSettingsPage()
        .split('\n')
        .find((line) => line.startsWith(`| \`${name}\``))
        ?.replace(/ +/g, ' ') ?? '';
    expect(rowOf('MONGODB_TIMEOUT_MS')).toContain('| `5000` ms | 100 to 60000 ms |');
    expect(rowOf('HTTP_HOST')).toContain('| `0.0.0.0`; embedded: `127.0.0.1` |');
    expect(rowOf('TRUST_PROXY')).toContain('| none |');
    expect(rowOf('MONGODB_URL')).toMatch(/Secret\. Former name: `MONGODB_LIVE_URL`/);
    expect(rowOf('HTTP_PORT')).not.toContain('Secret');
  });
});

describe('renderErrorsPage', () => {
  it('refuses a page without the marks', () => {
    expect(() => renderErrorsPage('# Errors\n')).toThrow('docs/errors.md must contain');
  });
});

describe('markdownTable', () => {
  it('aligns columns and escapes bars', () => {
    expect(markdownTable(['a', 'long'], [['x|y', '1']])).toBe(
      ['| a    | long |', '| ---- | ---- |', '| x\\|y | 1    |'].join('\n'),
    );
  });
});
