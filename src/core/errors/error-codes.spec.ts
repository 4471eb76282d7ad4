import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { ERROR_CODES, statusOfCode, type ErrorCode } from './error-codes.js';

const root = new URL('../../../', import.meta.url).pathname;
const codes = Object.entries(ERROR_CODES);

describe('the table of error codes', () => {
  it('is the one in docs/errors.md, in order', () => {
    const table = readFileSync(`${root}docs/errors.md`, 'utf8').split('## Verdicts')[0] ?? '';
    const documented = [...table.matchAll(/^\| `([a-z/-]+)` +\| (\d+) +\| (.+?) +\|$/gm)];
    expect(documented.map(([, code, status, meaning]) => [code, Number(status), meaning])).toEqual(
      codes.map(([code, { text }]) => [code, statusOfCode(code as ErrorCode), text]),
    );
    expect(codes.map(([code]) => code)).toEqual(codes.map(([code]) => code).sort());
  });

  it('holds no code that is never used', () => {
    const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/\.spec\.ts$|error-codes\.ts$/.test(file))
      .map((file) => readFileSync(`${root}src/${file}`, 'utf8'))
      .join('\n');
    expect(codes.map(([code]) => code).filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });
});
