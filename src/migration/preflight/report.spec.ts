import { describe, expect, it } from '@jest/globals';
import { completeChecks, failed, isBlocking, notChecked, ok, warning } from './check.js';
import { CHECK_IDS } from './check-table.js';
import { type Findings, reportOf } from './report.js';
import { SecretCensor } from './secret-censor.js';

const findings = (change: Partial<Findings> = {}): Findings => ({
  checks: CHECK_IDS.map((id) => ok(id, 'fine')),
  processes: [],
  settings: [],
  files: [],
  at: new Date(0),
  ...change,
});

describe('the verdict', () => {
  it('is negative for a check without a result, when it is required', () => {
    const checks = completeChecks([ok('old.source', 'fine')]);
    expect(checks.map(({ id }) => id)).toEqual(CHECK_IDS);
    const blocking = checks.filter(isBlocking).map(({ id }) => id);
    expect(blocking).toContain('database.rights');
    expect(blocking).not.toContain('redis');
    expect(reportOf(findings({ checks }), new SecretCensor())).toMatchObject({
      exitCode: 1,
      json: { mayStart: false, blocking },
    });
  });

  it.each([
    [warning('database.rights', 'x', 'y'), 0],
    [notChecked('redis', 'x', 'y'), 0],
    [notChecked('database.rights', 'x', 'y'), 1],
    [failed('redis', 'x', 'y'), 1],
  ])('%j → exit code %i', (check, exitCode) => {
    const checks = completeChecks([check, ...findings().checks]);
    expect(reportOf(findings({ checks }), new SecretCensor()).exitCode).toBe(exitCode);
  });
});

describe('the report', () => {
  it('has one line for a hostile text: no control character, no cell, no HTML, no link, no secret', () => {
    const hostile = 'a\u001b[2J\r\nb | c <script> [x](y) `z` my-secret-1 \u202e';
    const censor = new SecretCensor();
    censor.add(['my-secret-1']);
    const { lines, json } = reportOf(
      findings({
        checks: completeChecks([failed('old.process', hostile, hostile)]),
        settings: [
          { name: hostile, outcome: 'unknown', target: null, places: [hostile], shown: null, text: hostile },
        ],
        files: [hostile],
      }),
      censor,
    );
    const clean = 'a?\\[2J??b \\| c \\<script\\> \\[x\\](y) \\`z\\` \\[secret\\] ?';
    expect(lines.find((line) => line.startsWith('| Process |'))).toContain(`| ${clean} | ${clean} |`);
    const text = lines.join('\n');
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(text + JSON.stringify(json)).not.toContain('my-secret-1');
  });
});
