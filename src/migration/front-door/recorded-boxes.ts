import { isIP } from 'node:net';
import { type CommandIo, UsageError } from '../../core/commands/index.js';
import {
  type LegacyClient,
  LegacyClientsModule,
  LegacyClientsRepository,
} from '../../legacy/status/index.js';
import { withCommandContext } from '../command-context.js';

export interface RecordedAddresses {
  readonly addresses: readonly string[];
  /** What the operator should read before the posts from these addresses move. */
  readonly notes: readonly string[];
}

/** The last addresses of boxes, from green's own records in its database. @throws CommandError */
export function recordedAddresses(io: CommandIo, codes: readonly string[]): Promise<RecordedAddresses> {
  return withCommandContext(io, [LegacyClientsModule], async (context) =>
    addressesOf(codes, await context.get(LegacyClientsRepository).list()),
  );
}

/** @throws UsageError for a box without an address of its own */
export function addressesOf(codes: readonly string[], clients: readonly LegacyClient[]): RecordedAddresses {
  const boxes = clients
    .filter(({ kind }) => kind === 'box')
    .map((box) => ({ ...box, lastAddress: box.lastAddress && unmapped(box.lastAddress) }));
  const found = codes.map((code) => {
    const box = boxes.find(({ name }) => name === code);
    if (!box?.lastAddress || isIP(box.lastAddress) === 0)
      throw new UsageError(
        `boxes: Samserver has no address of box "${code}"; \`samserver legacy status\` lists them`,
      );
    if (/^(?:127\.|::1$)/.test(box.lastAddress))
      throw new UsageError(
        `boxes: the last post of box "${code}" came from ${box.lastAddress}, which is a proxy: list it in TRUST_PROXY of Samserver`,
      );
    return { ...box, lastAddress: box.lastAddress };
  });
  return {
    addresses: found.map(({ lastAddress }) => lastAddress),
    notes: found.map(({ name, lastAddress, lastSeenAt }) => {
      const others = boxes.filter((box) => box.lastAddress === lastAddress && !codes.includes(box.name));
      const shared =
        others.length === 0
          ? ''
          : `; boxes with the same address: ${others.map((box) => box.name).join(', ')}`;
      return `box ${name}: ${lastAddress}, last post ${lastSeenAt.toISOString()}${shared}`;
    }),
  };
}

/** A socket for both IP versions gives an IPv4 client this form, with which nginx would compare no client. */
const unmapped = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, '');
