import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { SETTING_DEFINITIONS } from './setting-definitions.js';

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

describe('.env.example', () => {
  it('names every setting there is, and no other', () => {
    const named = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(Object.keys(SETTING_DEFINITIONS).sort());
  });

  it.each(Object.entries(SETTING_DEFINITIONS))('says of %s what the table says', (name, { about }) => {
    const comment = example.split('\n').slice(
      0,
      example.split('\n').findIndex((line) => line.startsWith(`${name}=`)),
    );
    const said = comment.slice(comment.lastIndexOf('') + 1).join('\n');
    expect(said).toContain(about);
  });
});
