import { describe, expect, it } from '@jest/globals';
import { assertPlan, DEFAULT_PLAN, type FrontDoorPlan } from './front-door-plan.js';

const blue = { http: '127.0.0.1:5000', sockets: '127.0.0.1:5050' };

describe('assertPlan', () => {
  it.each<[string, Partial<FrontDoorPlan>]>([
    ['the default', {}],
    ['one box', { share: 'one', boxAddresses: ['192.0.2.1', '198.51.100.0/24', '2001:db8::/48'] }],
    ['IPv6 servers', { green: { http: '[::1]:5200', sockets: '[::1]:5250' } }],
    ['the old server stopped', { blue: null, share: 'all', listensOnOldPorts: true }],
    ['without Samserver', { green: null }],
    ['interfaces', { excludedInterfaces: ['eth1', 'vlan*'] }],
  ])('accepts %s', (_, changes) => expect(() => assertPlan({ ...DEFAULT_PLAN, ...changes })).not.toThrow());

  it.each<[string, Partial<FrontDoorPlan>]>([
    ['blue', { blue: { ...blue, http: 'localhost:5000' } }],
    ['blue', { blue: { ...blue, sockets: '127.0.0.1:70000' } }],
    ['blue', { blue: { ...blue, http: '127.0.0.1:5000; }' } }],
    ['blue and green', { blue: null, green: null }],
    ['green', { green: null, isMirrorOn: true }],
    ['share', { blue: null, share: 'half' }],
    ['mirror', { blue: null, share: 'all', isMirrorOn: true }],
    ['own-ports', { listensOnOldPorts: true }],
    ['redirect', { blue: null, share: 'all', listensOnOldPorts: true, isRedirectOn: true }],
    ['box-addresses', { share: 'one' }],
    ['box-addresses', { boxAddresses: ['fe80::1%eth0'] }],
    ['box-addresses', { boxAddresses: ['192.0.2.1/33'] }],
    ['box-addresses', { boxAddresses: ['192.0.2.1 1; } server {'] }],
    ['box-addresses', { boxAddresses: Array.from({ length: 1_001 }, () => '192.0.2.1') }],
    ['panels', { panelAddresses: ['panel.example'] }],
    ['exclude-interfaces', { excludedInterfaces: ['eth0"; drop'] }],
    ['ports', { ports: { http: 5_000, sockets: 15_050, status: 15_001 } }],
    ['ports', { ports: { http: 15_000, sockets: 15_000, status: 15_001 } }],
    ['spool', { spoolDirectory: 'relative' }],
    ['directory', { directory: '/etc/a;b' }],
    ['container', { container: 'a b' }],
  ])('refuses a wrong %s and names it', (field, changes) =>
    expect(() => assertPlan({ ...DEFAULT_PLAN, ...changes })).toThrow(new RegExp(`^${field}: `)),
  );
});
