import type { LegacyClient, LegacyClientKind } from './legacy-client.schema.js';

const DAY_MS = 86_400_000;

/** Who still speaks as the old server's clients did, and whether anybody does. */
export interface LegacyStatus {
  /** Seen within the days asked for, the last seen first. */
  readonly active: readonly LegacyClient[];
  /** Longer silent than that. */
  readonly silent: readonly LegacyClient[];
}

export function legacyStatus(clients: readonly LegacyClient[], now: Date, days: number): LegacyStatus {
  const isActive = ({ lastSeenAt }: LegacyClient): boolean =>
    now.getTime() - lastSeenAt.getTime() < days * DAY_MS;
  return { active: clients.filter(isActive), silent: clients.filter((client) => !isActive(client)) };
}

const TITLES: readonly (readonly [LegacyClientKind, string])[] = [
  ['box', 'boxes'],
  ['panel', 'panels'],
  ['unknown_box', 'boxes that belong to no vehicle'],
];

export function statusLines({ active, silent }: LegacyStatus, days: number): string[] {
  const lines = TITLES.flatMap(([kind, title]) => {
    const own = active.filter((client) => client.kind === kind);
    return [`${title}: ${own.length}`, ...own.map(clientLine)];
  });
  if (silent.length > 0) lines.push(`silent for ${days} days or more: ${silent.length}`);
  lines.push(active.length === 0 ? 'nobody speaks the old way any more' : 'the old way is still needed');
  return lines;
}

function clientLine({ name, way, dialect, count, firstSeenAt, lastSeenAt }: LegacyClient): string {
  const times = `last ${lastSeenAt.toISOString()}, first ${firstSeenAt.toISOString()}`;
  return `  ${name}  ${way.replace('_', ' ')}, ${dialect}  ${times}, ${count} times`;
}
