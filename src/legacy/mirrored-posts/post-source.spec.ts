import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { Settings } from '../../config/index.js';
import { Metrics } from '../../core/index.js';
import type { MirrorSwitch } from './mirror-switch.js';
import { MirrorOffError, originOf, PostSources } from './post-source.js';

const SECRET = 'a secret of nginx that is long enough for both';
const ID = '0123456789abcdef0123456789abcdef';

let isOn: boolean;
let nowMs: number;
let warn: jest.SpiedFunction<Logger['warn']>;
beforeEach(() => {
  isOn = true;
  nowMs = 1_000_000;
  warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  warn.mockClear();
});

function sourcesWith(secret: string | null): PostSources {
  const mirror = {
    get isOn() {
      return isOn;
    },
  } as MirrorSwitch;
  const settings = { legacy: { mirror: { secret, isOn: true } } } as Settings;
  return new PostSources(settings, mirror, { nowMs: () => nowMs }, new Metrics());
}
const request = (headers: Record<string, string>): IncomingMessage =>
  ({ headers }) as unknown as IncomingMessage;
const marked = (secret: string): IncomingMessage =>
  request({ 'x-samserver-mirror': secret, 'x-samserver-request-id': ID });

describe('PostSources', () => {
  it('recognises a mirrored post and its copy that is not', () => {
    const sources = sourcesWith(SECRET);
    expect(sources.of(marked(SECRET))).toEqual({ origin: 'mirror', requestId: ID });
    expect(sources.of(request({ 'x-samserver-request-id': ID }))).toEqual({
      origin: 'direct',
      requestId: ID,
    });
    expect(sources.of(request({}))).toEqual({ origin: 'direct', requestId: null });
  });

  it.each([`${SECRET}x`, SECRET.slice(1), '', SECRET.toUpperCase()])(
    'takes a post with the wrong secret "%s" as an ordinary one',
    (secret) => {
      expect(sourcesWith(SECRET).of(marked(secret)).origin).toBe('direct');
    },
  );

  it('takes a marked post as an ordinary one without the setting, and logs it once a minute without the secret', () => {
    const sources = sourcesWith(null);
    for (let n = 0; n < 3; n += 1) expect(sources.of(marked(SECRET)).origin).toBe('direct');
    expect(warn).toHaveBeenCalledTimes(1);
    nowMs += 61_000;
    sources.of(marked(SECRET));
    expect(warn).toHaveBeenCalledTimes(2);
    expect(JSON.stringify(warn.mock.calls)).not.toContain(SECRET);
  });

  it.each(['', 'x', ID.slice(1), `${ID}0`, ID.toUpperCase()])('ignores the request id "%s"', (id) => {
    expect(sourcesWith(SECRET).of(request({ 'x-samserver-request-id': id })).requestId).toBeNull();
  });

  it('refuses mirrored posts, and no others, while they are not taken', () => {
    isOn = false;
    const sources = sourcesWith(SECRET);
    const mirrored = marked(SECRET);
    expect(() => sources.of(mirrored)).toThrow(MirrorOffError);
    expect(originOf(mirrored)).toBe('mirror');
    expect(sources.of(request({})).origin).toBe('direct');
  });
});
