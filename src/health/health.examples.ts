/** What a stranger gets while the instance is not to be sent traffic. */
export const READY_REFUSAL = { status: 'not_ready', state: 'not_ready', reasons: ['mongo.down'] };

/** What the ops token shows. */
export const READY_DETAILS = {
  status: 'ready',
  state: 'degraded',
  reasons: ['tls.expiring'],
  since: '2026-11-24T03:00:00.000Z',
  release: {
    version: '0.1.0',
    revision: '1b2c3d4e5f60718293a4b5c6d7e8f90123456789',
    color: 'green',
    startedAt: '2026-11-24T02:59:58.000Z',
    rollout: {
      id: '0d6f7c0e-7f5b-4a43-9d6e-0f0f5a3f8a11',
      from: 'blue',
      to: 'green',
      phase: 'shifting',
      weightPct: 25,
      epoch: 7,
    },
  },
  schema: { current: 1, supported: { min: 1, max: 1 }, pending: 0, lock: { held: false } },
  drain: { active: false, http: 3, sockets: 214, deadline: null },
  handover: { active: false },
  volume: {
    path: '/app/public/uploads/ambulance_images',
    writable: true,
    freeBytes: 51_000_000_000,
    manifest: { files: 311_204, verifiedAt: '2026-11-23T03:00:00.000Z', mismatched: 0 },
  },
  tls: { daysLeft: 9 },
  checks: {
    mongo: { status: 'up', critical: true, latencyMs: 3, reasons: [], detail: { clockSkewMs: 0 } },
    certificate: {
      status: 'degraded',
      critical: false,
      latencyMs: 1,
      reasons: ['tls.expiring'],
      detail: { daysLeft: 9 },
    },
  },
};
