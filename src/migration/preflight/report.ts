import type { CommandResult } from '../../core/commands/index.js';
import { EXIT_CODES } from '../../core/commands/index.js';
import { type Check, isBlocking } from './check.js';
import { type CheckId, CHECKS } from './check-table.js';
import type { OldProcess } from './old/pm2-processes.js';
import type { SecretCensor } from './secret-censor.js';
import type { SettingRow } from './settings/settings-plan.js';

export interface Findings {
  /** One for each check of the table. */
  readonly checks: readonly Check[];
  readonly processes: readonly OldProcess[];
  readonly settings: readonly SettingRow[];
  /** Files of the proposal, written or planned. */
  readonly files: readonly string[];
  readonly at: Date;
}

/** The result of the command: Markdown for people, one object for programs. Both are without secrets. */
export function reportOf(findings: Findings, censor: SecretCensor): CommandResult {
  const { checks, settings, files, at } = findings;
  const blocking = checks.filter(isBlocking);
  const json = censor.clean({
    mayStart: blocking.length === 0,
    at: at.toISOString(),
    blocking: blocking.map(({ id }) => id),
    checks: checks.map((check) => ({ ...check, ...CHECKS[check.id] })),
    // Without the environment.
    processes: findings.processes.map(({ env, ...process }) => ({ ...process, variables: env.size })),
    settings,
    files,
  });
  return {
    exitCode: blocking.length === 0 ? EXIT_CODES.OK : EXIT_CODES.FAILURE,
    lines: markdownOf(json),
    json,
  };
}

interface CleanReport {
  readonly at: string;
  readonly blocking: readonly CheckId[];
  readonly checks: readonly (Check & (typeof CHECKS)[keyof typeof CHECKS])[];
  readonly settings: readonly SettingRow[];
  readonly files: readonly string[];
}

function markdownOf({ at, blocking, checks, settings, files }: CleanReport): string[] {
  const verdict =
    blocking.length === 0
      ? 'The next phase **may start**.'
      : `The next phase **must not start**: ${blocking.length} of ${checks.length} checks forbid it.`;
  const areas = [...new Set(checks.map(({ area }) => area))];
  return [
    '# Preflight',
    '',
    `${verdict} Checked at ${at}.`,
    ...(blocking.length === 0 ? [] : ['', ...blocking.map((id) => `- ${CHECKS[id].title}`)]),
    ...areas.flatMap((area) =>
      areaLines(
        area,
        checks.filter((each) => each.area === area),
      ),
    ),
    '',
    '## Settings of the old server',
    '',
    ...table(
      ['setting', 'result', 'Samserver', 'value', 'from', 'note'],
      settings.map(({ name, outcome, target, shown, places, text }) => [
        name,
        outcome,
        target ?? '',
        shown ?? (outcome === 'missing' ? '' : '(not shown)'),
        places.join(', '),
        text,
      ]),
    ),
    ...(files.length === 0
      ? []
      : ['', '## Files of the proposal', '', ...files.map((path) => `- ${cell(path)}`)]),
  ];
}

function areaLines(area: string, checks: CleanReport['checks']): string[] {
  return [
    '',
    `## ${area}`,
    '',
    ...table(
      ['check', 'result', 'seen', 'what to do', 'why it matters'],
      checks.map((check) => [
        check.title,
        isBlocking(check) ? `**${check.status}**` : check.status,
        check.seen,
        check.todo ?? '',
        check.status === 'ok' ? '' : check.why,
      ]),
      1,
    ),
  ];
}

/** @param rawColumn a column of our own Markdown */
function table(titles: readonly string[], rows: readonly (readonly string[])[], rawColumn = -1): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(titles),
    line(titles.map(() => '---')),
    ...rows.map((row) => line(row.map((text, at) => (at === rawColumn ? text : cell(text))))),
  ];
}

/** Text from outside must not form a cell, a link or HTML. Underscores stay: most names have them. */
function cell(text: string): string {
  return text.replace(/[\\`*[\]<>|]/g, (character) => `\\${character}`);
}
