import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/index.js';
import { CrashesModule } from '../crashes/index.js';
import { DeploymentModule } from '../deployment/index.js';
import { TrackingModule } from '../tracking/index.js';
import { VehiclesModule } from '../vehicles/index.js';
import { AsyncApiController } from './asyncapi/asyncapi.controller.js';
import { DeviceGateway } from './device.gateway.js';
import { LiveGateway } from './live.gateway.js';
import { LiveMetrics } from './subscriptions/live-metrics.js';
import { LiveReplay } from './subscriptions/live-replay.js';
import { StorageFollower } from './subscriptions/storage-follower.js';
import { LiveStreams } from './subscriptions/live-streams.js';
import { RevokedSocketCloser } from './transport/revoked-socket-closer.js';
import { SocketAuthentication } from './transport/socket-authentication.js';
import { SocketDrain } from './transport/socket-drain.js';
import { SocketMetrics } from './transport/socket-metrics.js';
import { SocketPort } from './transport/socket-port.js';
import { SocketPresence } from './transport/socket-presence.js';
import { SocketRefusals } from './transport/socket-refusals.js';
import { TokenExpiry } from './transport/token-expiry.js';
import { TransportLimits } from './transport/transport-limits.js';

@Module({
  imports: [AuthModule, TrackingModule, VehiclesModule, CrashesModule, DeploymentModule],
  controllers: [AsyncApiController],
  providers: [
    SocketPort,
    SocketMetrics,
    SocketPresence,
    SocketRefusals,
    TransportLimits,
    SocketAuthentication,
    RevokedSocketCloser,
    DeviceGateway,
    LiveGateway,
    LiveStreams,
    LiveReplay,
    StorageFollower,
    LiveMetrics,
    TokenExpiry,
    SocketDrain,
  ],
  exports: [SocketPort, SocketRefusals],
})
export class GatewayModule {}
