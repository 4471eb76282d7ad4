import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { STATUS_BY_KIND } from './error-responses.js';
import { ERROR_CODES } from './error-codes.js';

const root = new URL('../../../', import.meta.url).pathname;
const codes = Object.entries(ERROR_CODES);

describe('the table of error codes', () => {
  it('is the one in docs/errors.md, in order', () => {
    const table = readFileSync(`${root}docs/errors.md`, 'utf8').split('## Verdicts')[0] ?? '';
    const documented = [...table.matchAll(/^\| `([a-z/-]+)` +\| (\d+) +\| (.+?) +\|$/gm)];
    expect(documented.map(([, code, status, meaning]) => [code, Number(status), meaning])).toEqual(
      codes.map(([code, { status, meaning }]) => [code, status, meaning]),
    );
    expect(codes.map(([code]) => code)).toEqual(codes.map(([code]) => code).sort());
  });

  it('gives each code the status that its kind has, and holds none that nobody uses', () => {
    const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/\.spec\.ts$|error-codes\.ts$/.test(file))
      .map((file) => readFileSync(`${root}src/${file}`, 'utf8'))
      .join('\n');
    const made = [...sources.matchAll(/new DomainError\(\s*'([a-z-]+)',\s*'([a-z/-]+)'/g)];
    expect(made.length).toBeGreaterThan(15);
    const statusOf = (code: string): number | undefined => codes.find(([each]) => each === code)?.[1].status;
    for (const [, kind = '', code = ''] of made)
      expect([code, statusOf(code)]).toEqual([code, STATUS_BY_KIND[kind as keyof typeof STATUS_BY_KIND]]);
    expect(codes.map(([code]) => code).filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });
});
