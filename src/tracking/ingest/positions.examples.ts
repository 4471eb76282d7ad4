import type { PositionInput, ReportAnswer } from '../../core/index.js';

export const REPORT_EXAMPLE: { readonly positions: readonly PositionInput[] } = {
  positions: [
    {
      lat: 48.137154,
      lon: 11.576124,
      time: '2026-11-23T14:50:00.000Z',
      speedMps: 13.9,
      headingDeg: 87,
      accuracyM: 4,
    },
    { lat: 48.137201, lon: 11.576809, time: '2026-11-23T14:50:04.000Z' },
  ],
};

export const REPORT_ANSWER_EXAMPLE: ReportAnswer = {
  results: [
    { index: 0, verdict: 'stored' },
    { index: 1, verdict: 'duplicate' },
  ],
  stored: 1,
  duplicate: 1,
  quarantined: 0,
  rejected: 0,
};
