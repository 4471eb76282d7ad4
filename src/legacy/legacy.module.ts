import { type DynamicModule, Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import type { Settings } from '../config/index.js';
import { CrashesModule } from '../crashes/index.js';
import { GatewayModule } from '../gateway/index.js';
import { ImagesModule } from '../images/index.js';
import { TrackingModule } from '../tracking/index.js';
import { VehiclesModule } from '../vehicles/index.js';
import { ArrivalTimes } from './in/arrival-times.js';
import { BoxCrashes } from './in/box-crashes.service.js';
import { BoxDirectory } from './in/box-directory.js';
import { BoxPictures } from './in/box-pictures.service.js';
import { BoxPositions } from './in/box-positions.service.js';
import { BoxSnapshots } from './in/box-snapshots.js';
import { BoxWitness } from './in/box-witness.js';
import { BoxesController } from './in/boxes.controller.js';
import { Boxes } from './in/boxes.service.js';
import { SocketPortRoutes } from './in/socket-port-routes.js';
import { UnknownBoxes } from './in/unknown-boxes.js';
import { LegacyCollectionsModule } from './collections/index.js';
import { LegacyMetrics } from './legacy-metrics.js';
import { FleetFrames } from './out/fleet-frames.js';
import { OpenRequestsModule } from './open-requests/index.js';
import { PanelGateway } from './out/panel.gateway.js';
import { Panels } from './out/panels.service.js';
import { LegacyClientRecord, LegacyClientSchema } from './status/legacy-client.schema.js';
import { LegacyClientsRepository } from './status/legacy-clients.repository.js';
import { LegacyController } from './status/legacy.controller.js';
import { Sightings } from './status/sightings.js';

@Module({})
export class LegacyModule {
  /** With LEGACY_CLIENTS=off its clients are not served; the other programs on the database are another setting. */
  static with({ legacy }: Settings): DynamicModule {
    if (!legacy.isOn) return { module: LegacyModule, imports: [LegacyCollectionsModule] };
    const record = { name: LegacyClientRecord.name, schema: LegacyClientSchema };
    return {
      module: LegacyModule,
      imports: [
        AuthModule,
        VehiclesModule,
        TrackingModule,
        ImagesModule,
        CrashesModule,
        GatewayModule,
        LegacyCollectionsModule,
        OpenRequestsModule,
        MongooseModule.forFeature([record]),
      ],
      controllers: [BoxesController, LegacyController],
      providers: [
        LegacyMetrics,
        BoxDirectory,
        UnknownBoxes,
        ArrivalTimes,
        BoxPositions,
        BoxCrashes,
        BoxSnapshots,
        BoxPictures,
        BoxWitness,
        Boxes,
        SocketPortRoutes,
        Panels,
        PanelGateway,
        FleetFrames,
        LegacyClientsRepository,
        Sightings,
      ],
    };
  }
}
