import { describe, expect, it } from '@jest/globals';
import { blueOnly, DEFAULT_PLAN, type FrontDoorPlan } from './front-door-plan.js';
import { nginxInclude, planOf } from './nginx-include.js';

const include = (changes: Partial<FrontDoorPlan> = {}): string =>
  nginxInclude({ ...DEFAULT_PLAN, ...changes }).text;

/** The text of the blocks whose opening line matches. */
function blocks(text: string, opening: RegExp): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, from) => {
    if (!opening.test(line)) return [];
    const indent = /^ */.exec(line)?.[0] ?? '';
    const length = lines.slice(from).findIndex((each) => each === `${indent}}`);
    return [lines.slice(from, from + length + 1).join('\n')];
  });
}

/** test/stack/front-door-nginx.spec.ts shows what nginx does with it. */
describe('nginxInclude', () => {
  it('has balanced braces and one version for one plan', () => {
    for (const share of ['none', 'one', 'half', 'all'] as const)
      for (const isMirrorOn of [true, false]) {
        const plan = { ...DEFAULT_PLAN, share, isMirrorOn, boxAddresses: ['192.0.2.1'] };
        const { text, version } = nginxInclude(plan);
        const code = text.replace(/'[^']*'|"[^"]*"|#.*|\$\{\w+\}/g, '');
        expect([...code].filter((char) => char === '{')).toHaveLength(
          [...code].filter((char) => char === '}').length,
        );
        expect(version).toMatch(/^[0-9a-f]{16}$/);
        expect(text).toContain(`{"version":"${version}","share":"${share}"`);
        expect(nginxInclude({ ...plan })).toEqual({ text, version });
        expect(nginxInclude({ ...plan, spoolDirectory: '/other' }).version).not.toBe(version);
      }
  });

  it('records its plan', () => {
    const plan = { ...DEFAULT_PLAN, share: 'one' as const, boxAddresses: ['2001:db8::1'] };
    expect(planOf(include(plan))).toEqual(plan);
    expect(planOf('server {}')).toBeNull();
  });

  it('mirrors to green with short time-outs, and only when the mirror is on', () => {
    const [mirror = ''] = blocks(include({ isMirrorOn: true }), /location = \/samserver-mirror/);
    expect(mirror).toContain('include /etc/samserver/front-door/mirror-secret.header;');
    expect(mirror).toContain('proxy_read_timeout 1s;');
    expect(mirror).toContain('proxy_pass http://127.0.0.1:5200$request_uri;');
    expect(include()).not.toMatch(/mirror-secret|mirror \//);
  });

  it('never repeats a post that was sent', () => {
    for (const share of ['none', 'half', 'all'] as const)
      expect(include({ share })).not.toMatch(/^(?!.*#).*non_idempotent/m);
  });

  it('gives each color the other one as backup; the plan of an emergency has none', () => {
    const [blue = '', green = ''] = blocks(include(), /^upstream samserver_\w+_http/);
    expect(blue).toMatch(
      /server 127\.0\.0\.1:5000 max_fails=0;\s+server 127\.0\.0\.1:5200 max_fails=0 backup;/,
    );
    expect(green).toMatch(
      /server 127\.0\.0\.1:5200 max_fails=0;\s+server 127\.0\.0\.1:5000 max_fails=0 backup;/,
    );
    const emergency = nginxInclude(blueOnly({ ...DEFAULT_PLAN, share: 'all', isMirrorOn: true })).text;
    expect(emergency).not.toMatch(/ backup;|mirror \//);
    expect(emergency).toContain('geo $samserver_color {\n    default blue;\n}');
  });

  it('removes the headers of clients wherever a location sets headers of its own', () => {
    const text = include({ isMirrorOn: true });
    for (const server of blocks(text, /^server/).filter((each) => each.includes('proxy_pass'))) {
      expect(server).toContain('    proxy_set_header X-Samserver-Mirror "";');
      // A location with a header of its own inherits none: the mirror repeats the other one.
      for (const location of blocks(server, /^ {4}location/).filter((each) =>
        each.includes('proxy_set_header'),
      ))
        expect(location).toContain('proxy_set_header X-Samserver-Request-Id $request_id;');
    }
  });

  it('listens on the old ports itself when the old server is stopped', () => {
    const text = include({ blue: null, share: 'all', listensOnOldPorts: true });
    for (const port of [5_000, 5_050, 15_000, 15_050]) {
      expect(text).toContain(`listen ${port};`);
      expect(text).toContain(`listen [::]:${port};`);
    }
    expect(text).not.toMatch(/samserver_blue|blue;/);
    expect(include({ hasIpv6: false })).not.toContain('[::]');
  });
});
