import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PLAN } from './front-door-plan.js';
import {
  bootUnit,
  BYPASS_OFF_RULES,
  bypassRules,
  HOLD_RULES,
  otherLoopbackOf,
  OWN_BRIDGES,
  redirectRules,
} from './redirect-rules.js';

/** test/stack/front-door-redirect.spec.ts shows what the kernel does with them. */
describe('redirectRules', () => {
  it('returns before the redirect for the loopback, bridges and excluded interfaces', () => {
    const rules = redirectRules({ ...DEFAULT_PLAN, excludedInterfaces: ['tun0'] });
    for (const name of ['lo', ...OWN_BRIDGES, 'tun0']) {
      const at = rules.indexOf(`iifname "${name}" return`);
      expect(at).toBeGreaterThan(0);
      expect(at).toBeLessThan(rules.indexOf('redirect to'));
    }
  });

  it('redirects local addresses only, both ports, and no connection of this machine', () => {
    const rules = redirectRules(DEFAULT_PLAN);
    expect(rules.match(/^.*redirect to.*$/gm)?.map((line) => line.trim())).toEqual([
      'fib daddr type local tcp dport 5000 tcp flags & (fin|syn|rst|ack) == syn counter redirect to :15000',
      'fib daddr type local tcp dport 5050 tcp flags & (fin|syn|rst|ack) == syn counter redirect to :15050',
    ]);
    expect(rules).not.toContain('hook output');
  });

  it('has a table of its own for a test interface, which leaves the other one alone', () => {
    const rules = redirectRules(DEFAULT_PLAN, 'samout1');
    expect(rules).toContain('table inet samserver_front_door_samout1 {');
    expect(rules).not.toMatch(/table inet samserver_front_door\s/);
    expect(rules.match(/iifname "samout1" fib .* redirect/g)).toHaveLength(2);
  });
});

describe('HOLD_RULES', () => {
  it('redirect nothing and keep the tracking of connections with a rule', () => {
    expect(HOLD_RULES).not.toContain('redirect');
    expect(HOLD_RULES).toMatch(
      /type nat hook prerouting[^}]*}; flush chain .*; add rule .* ct status dnat accept$/,
    );
    expect(HOLD_RULES).not.toContain('delete table');
  });
});

describe('bypassRules', () => {
  const targets = (rules: string | null) => rules?.match(/ip6? daddr \S+ tcp dport \d+|dnat ip.*$/gm);

  it('take new connections of this machine to the front door to the old server', () => {
    const rules = bypassRules(DEFAULT_PLAN, false) ?? '';
    expect(rules.match(/^.*dnat ip.*$/gm)?.map((line) => line.trim())).toEqual([
      'ip daddr 127.0.0.0/8 tcp dport 15000 tcp flags & (fin|syn|rst|ack) == syn counter dnat ip to 127.0.0.1:5000',
      'ip daddr 127.0.0.0/8 tcp dport 15050 tcp flags & (fin|syn|rst|ack) == syn counter dnat ip to 127.0.0.1:5050',
    ]);
    expect(rules).not.toMatch(/table inet samserver_front_door\s/);
    expect(BYPASS_OFF_RULES).not.toContain('dnat ip');
  });

  it('take those of the other IP version to the other loopback address, when the old server is there too', () => {
    const v6 = { ...DEFAULT_PLAN, blue: { http: '[::1]:5000', sockets: '[::1]:5050' } };
    const [from4, from6] = ['ip daddr 127.0.0.0/8 tcp dport', 'ip6 daddr ::1 tcp dport'];
    const [to4, to6] = ['dnat ip to 127.0.0.1:', 'dnat ip6 to [::1]:'];
    expect(targets(bypassRules(DEFAULT_PLAN, true))).toEqual([
      ...[`${from4} 15000`, `${to4}5000`, `${from6} 15000`, `${to6}5000`],
      ...[`${from4} 15050`, `${to4}5050`, `${from6} 15050`, `${to6}5050`],
    ]);
    expect(targets(bypassRules(v6, false))).toEqual([
      ...[`${from6} 15000`, `${to6}5000`, `${from6} 15050`, `${to6}5050`],
    ]);
    expect(targets(bypassRules(v6, true))).toHaveLength(8);
  });

  it('need an old server', () => {
    expect(bypassRules({ ...DEFAULT_PLAN, blue: null }, false)).toBeNull();
  });

  it.each([
    ['127.0.0.1:5000', { host: '::1', port: 5_000 }],
    ['[::1]:5050', { host: '127.0.0.1', port: 5_050 }],
    ['10.0.0.7:5000', null],
    ['', null],
  ])('%j has the other loopback address %j', (address, other) => {
    expect(otherLoopbackOf(address)).toEqual(other);
  });
});

describe('bootUnit', () => {
  it('binds the redirect to the service that runs nginx', () => {
    const unit = bootUnit(DEFAULT_PLAN, '/etc/x/redirect.nft');
    expect(unit).toContain('BindsTo=nginx.service\n');
    expect(unit).toContain('ExecStart=/usr/sbin/nft -f /etc/x/redirect.nft\n');
    expect(unit).toContain('WantedBy=multi-user.target nginx.service\n');
    expect(bootUnit({ ...DEFAULT_PLAN, container: 'edge' }, '/x')).toContain('BindsTo=docker.service\n');
  });
});
