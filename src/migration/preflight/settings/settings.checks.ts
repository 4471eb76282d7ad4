import { type Check, failed, ok, warning } from '../check.js';
import type { OldServer } from '../old/old-server.js';
import type { Proposal } from './proposal.js';
import type { OldSettings } from './settings-plan.js';

const MAX_NAMES = 30;

export function checkSettings(
  { sources, fileFaults }: OldServer,
  settings: OldSettings,
  proposal: Proposal,
): Check[] {
  const places = sources.map(({ place, values }) => `${place} (${values.size} names)`).join(', ');
  const cut = settings.omitted === 0 ? [] : [`${settings.omitted} more names`];
  const unknown = settings.rows.filter(({ outcome }) => outcome === 'unknown').map(({ name }) => name);
  return [
    sourcesCheck(places, [...fileFaults, ...cut], settings.rows.length),
    unknown.length === 0
      ? ok('settings.unknown', 'none')
      : warning(
          'settings.unknown',
          `${unknown.length}: ${unknown.slice(0, MAX_NAMES).join(', ')}${unknown.length > MAX_NAMES ? ', …' : ''}`,
          'find out which program reads each of them, and whether Samserver needs its function',
        ),
    proposal.faults.length === 0
      ? ok(
          'settings.proposal',
          `${proposal.lines.size + proposal.secrets.size} settings, accepted by this release`,
        )
      : failed(
          'settings.proposal',
          proposal.faults.join('; '),
          'solve each fault and run this command again',
        ),
  ];
}

function sourcesCheck(places: string, faults: readonly string[], settings: number): Check {
  if (settings === 0)
    return failed(
      'settings.sources',
      [places, ...faults].filter((part) => part !== '').join('; ') || 'none was read',
      'name the .env of the old server with --env-file FILE',
    );
  return faults.length === 0
    ? ok('settings.sources', places)
    : warning(
        'settings.sources',
        `${places}; not read: ${faults.join('; ')}`,
        'name the .env of the old server with --env-file FILE, as a user that can read it',
      );
}
