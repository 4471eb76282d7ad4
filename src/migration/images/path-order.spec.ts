import { describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sumsLine } from './manifest-files.js';
import { comparePaths, mergeByPath } from './path-order.js';
import { walkTree } from './tree-walk.js';

const NAMES = ['a/b', 'a-b', 'a.b', 'a b', 'a', 'b/a/c', 'b/a.c', 'b/ä', 'b/\u{1f691}', 'b/\uffee', 'Z'];

async function* listOf(paths: readonly string[]): AsyncGenerator<{ path: string }, void, undefined> {
  yield* paths.map((path) => ({ path }));
}

describe('the order of paths', () => {
  it('is that of a walk through the tree, for any order of directories and files', async () => {
    const root = mkdtempSync(join(tmpdir(), 'samserver-walk-'));
    try {
      const names = NAMES.filter((name) => name !== 'a');
      for (const name of names) {
        mkdirSync(dirname(join(root, name)), { recursive: true });
        writeFileSync(join(root, name), 'x');
      }
      const walked: string[] = [];
      for await (const { path } of walkTree(root, ({ path }) => expect(path).toBe(''))) walked.push(path);
      expect(walked).toEqual([...names].sort(comparePaths));
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('is that of UTF-8, as in the database: not that of UTF-16', () => {
    expect(comparePaths('\u{1f691}', '\uffee')).toBeGreaterThan(0);
    expect(['\u{1f691}', '\uffee'].sort()).toEqual(['\u{1f691}', '\uffee']);
  });
});

describe('mergeByPath', () => {
  it('merges the items of one path', async () => {
    const merged: string[] = [];
    const lists = { one: listOf(['a', 'b', 'd']), two: listOf(['b', 'c']), three: listOf(['a', 'b']) };
    for await (const { path, one, two, three } of mergeByPath(lists))
      merged.push(`${path}:${[one && 1, two && 2, three && 3].filter(Boolean).join('')}`);
    expect(merged).toEqual(['a:13', 'b:123', 'c:2', 'd:1']);
  });
});

describe('sumsLine', () => {
  it.each([
    ['a b.jpg', `${'0'.repeat(64)}  a b.jpg\n`],
    ['a\nb', `\\${'0'.repeat(64)}  a\\nb\n`],
    ['a\\b', `\\${'0'.repeat(64)}  a\\\\b\n`],
  ])('writes %j as coreutils does', (path, line) =>
    expect(sumsLine({ path, sha256: '0'.repeat(64) })).toBe(line),
  );
});
