import { Injectable } from '@nestjs/common';
import { type ConnectedSocket, EventStream, InstanceIdentity, Presence } from '../cluster/index.js';
import { invalidInput } from '../core/index.js';
import { InstanceLifecycle } from './instance-lifecycle.js';
import type { ConnectionDto, ConnectionsDto, ConnectionsQueryDto, InstancesDto } from './instances.dto.js';
import { InstancesPoller } from './instances-poller.js';

const MAX_CONNECTIONS = 500;

/** Reads from memory and Redis only: operators ask it during a database outage too. */
@Injectable()
export class InstancesService {
  constructor(
    private readonly instances: InstancesPoller,
    private readonly identity: InstanceIdentity,
    private readonly lifecycle: InstanceLifecycle,
    private readonly stream: EventStream,
    private readonly presence: Presence,
  ) {}

  async list(): Promise<InstancesDto> {
    const { id, release, startedAt } = this.identity;
    const { color, version } = release;
    const own = { id, color, version, state: this.lifecycle.state, startedAt };
    const items = [own, ...this.instances.others].map(async (each) => ({
      id: each.id,
      color: each.color,
      version: each.version,
      state: each.state,
      startedAt: each.startedAt,
      heard: each === own || this.stream.memberIds.has(each.id),
      sockets: await this.presence.countsOf(each.id),
    }));
    return { items: await Promise.all(items), complete: this.stream.otherIds !== null };
  }

  /** @throws input/invalid without a vehicle and a user */
  async findConnections({ vehicleId, userId }: ConnectionsQueryDto): Promise<ConnectionsDto> {
    if (vehicleId === undefined && userId === undefined)
      throw invalidInput([{ path: 'vehicleId', message: 'give vehicleId, userId or both' }]);
    const { sockets, isComplete } = await this.presence.find([
      ...(vehicleId === undefined ? [] : [{ kind: 'device', id: vehicleId } as const]),
      ...(userId === undefined ? [] : [{ kind: 'user', id: userId } as const]),
    ]);
    const ordered = sockets.toSorted((one, other) => Number(one.connectedAt) - Number(other.connectedAt));
    return {
      items: ordered.slice(0, MAX_CONNECTIONS).map(toConnection),
      complete: isComplete && ordered.length <= MAX_CONNECTIONS,
    };
  }
}

function toConnection({ kind, id, accessId, instance, connectedAt }: ConnectedSocket): ConnectionDto {
  const owner =
    kind === 'device' ? { vehicleId: id, credentialId: accessId } : { userId: id, sessionId: accessId };
  return { kind, ...owner, instance, connectedAt };
}
