import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/index.js';
import { CrashesModule } from '../crashes/index.js';
import { ReleaseModule } from '../release/index.js';
import { TrackingModule } from '../tracking/index.js';
import { VehiclesModule } from '../vehicles/index.js';
import { AsyncApiController } from './asyncapi.controller.js';
import { CrashNews } from './crash-news.js';
import { CrewNews } from './crew-news.js';
import { DeviceGateway } from './device.gateway.js';
import { LiveGateway } from './live.gateway.js';
import { LiveMetrics } from './live-metrics.js';
import { LiveReplay } from './live-replay.js';
import { LiveStreams } from './live-streams.js';
import { MissedCrewEvents } from './missed-crew-events.js';
import { RevokedSockets } from './revoked-sockets.js';
import { SocketAuthentication } from './socket-authentication.js';
import { SocketDrain } from './socket-drain.js';
import { SocketMetrics } from './socket-metrics.js';
import { SocketPort } from './socket-port.js';
import { TokenExpiry } from './token-expiry.js';
import { VehicleNews } from './vehicle-news.js';

@Module({
  imports: [AuthModule, TrackingModule, VehiclesModule, CrashesModule, ReleaseModule],
  controllers: [AsyncApiController],
  providers: [
    SocketPort,
    SocketMetrics,
    SocketAuthentication,
    RevokedSockets,
    DeviceGateway,
    LiveGateway,
    LiveStreams,
    LiveReplay,
    LiveMetrics,
    VehicleNews,
    CrashNews,
    CrewNews,
    MissedCrewEvents,
    TokenExpiry,
    SocketDrain,
  ],
  exports: [SocketPort, CrewNews],
})
export class GatewayModule {}
