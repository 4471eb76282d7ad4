import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { ERROR_CODES } from './error-codes.js';

const root = new URL('../../../', import.meta.url).pathname;
const codes = Object.keys(ERROR_CODES);

describe('the table of error codes', () => {
  it('is sorted', () => {
    expect(codes).toEqual([...codes].sort());
  });

  it('has a sentence for every code', () => {
    for (const { text } of Object.values(ERROR_CODES)) expect(text).toMatch(/^[A-Z].+\.$/);
  });

  it('has no unused code', () => {
    const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/\.spec\.ts$|error-codes\.ts$/.test(file))
      .map((file) => readFileSync(`${root}src/${file}`, 'utf8'))
      .join('\n');
    expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });
});
