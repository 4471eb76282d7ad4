import { type DynamicModule, Module } from '@nestjs/common';
import { AuthModule } from '../auth/index.js';
import type { Settings } from '../config/index.js';
import { CrashesModule } from '../crashes/index.js';
import { GatewayModule } from '../gateway/index.js';
import { ImagesModule } from '../images/index.js';
import { TrackingModule } from '../tracking/index.js';
import { VehiclesModule } from '../vehicles/index.js';
import { ArrivalTimes } from './boxes/arrival-times.js';
import { BoxDirectory } from './boxes/box-directory.js';
import { BoxPictureWriter } from './boxes/box-picture-writer.js';
import { BoxPicturesService } from './boxes/box-pictures.service.js';
import { LegacyRequestRecorder } from './boxes/legacy-request-recorder.js';
import { BoxesController } from './boxes/boxes.controller.js';
import { PostLimits } from './boxes/post-limits.js';
import { BoxesService } from './boxes/boxes.service.js';
import { SocketClientFilesController } from './panels/socket-client-files.controller.js';
import { SocketPortRoutes } from './panels/socket-port-routes.js';
import { UnknownBoxes } from './status/unknown-boxes.js';
import { LegacyRolesModule } from './roles/legacy-roles.module.js';
import { BoxPostWriter } from './spool/box-post-writer.js';
import { KnownBoxes } from './spool/known-boxes.js';
import { PostSpool } from './spool/post-spool.service.js';
import { SpoolDrainer } from './spool/spool-drainer.js';
import { SpoolMetrics } from './spool/spool-metrics.js';
import { SharedCollectionsModule } from './shared-collections/shared-collections.module.js';
import { MirrorSwitch } from './mirrored-posts/mirror-switch.js';
import { MirroredPostsController } from './mirrored-posts/mirrored-posts.controller.js';
import { PostSources } from './mirrored-posts/post-source.js';
import { RecentRequests } from './mirrored-posts/recent-requests.js';
import { OwedRepository } from './owed/owed.repository.js';
import { OwedWriter } from './owed/owed-writer.js';
import { ShadowPictureRetention } from './shadow-pictures/shadow-picture-retention.js';
import { ShadowPictures } from './shadow-pictures/shadow-pictures.js';
import { ShadowPicturesRepository } from './shadow-pictures/shadow-pictures.repository.js';
import { BoxAnswers } from './tee/box-answers.js';
import { LegacyTeeController } from './tee/legacy-tee.controller.js';
import { PostTee } from './tee/post-tee.service.js';
import { TeeMetrics } from './tee/tee-metrics.js';
import { LegacyMetrics } from './legacy-metrics.js';
import { PanelFramePublisher } from './panels/panel-frame-publisher.js';
import { PanelGateway } from './panels/panel.gateway.js';
import { PanelsService } from './panels/panels.service.js';
import { LegacyClientsModule } from './status/legacy-clients.module.js';
import { LegacyController } from './status/legacy.controller.js';
import { LegacyClientTracker } from './status/legacy-client-tracker.js';

@Module({})
export class LegacyModule {
  /** With LEGACY_CLIENTS=off only the shared database remains, which LEGACY_COLLECTIONS controls. */
  static with({ legacy }: Settings): DynamicModule {
    if (!legacy.isEnabled) return { module: LegacyModule, imports: [SharedCollectionsModule] };
    return {
      module: LegacyModule,
      imports: [
        AuthModule,
        VehiclesModule,
        TrackingModule,
        ImagesModule,
        CrashesModule,
        GatewayModule,
        LegacyRolesModule,
        SharedCollectionsModule,
        LegacyClientsModule,
      ],
      controllers: [
        BoxesController,
        MirroredPostsController,
        LegacyTeeController,
        LegacyController,
        SocketClientFilesController,
      ],
      providers: [
        LegacyMetrics,
        BoxDirectory,
        UnknownBoxes,
        ArrivalTimes,
        BoxPictureWriter,
        BoxPicturesService,
        ShadowPicturesRepository,
        ShadowPictures,
        ShadowPictureRetention,
        OwedRepository,
        OwedWriter,
        TeeMetrics,
        PostTee,
        BoxAnswers,
        MirrorSwitch,
        PostSources,
        RecentRequests,
        LegacyRequestRecorder,
        PostLimits,
        BoxesService,
        SpoolMetrics,
        BoxPostWriter,
        KnownBoxes,
        PostSpool,
        SpoolDrainer,
        SocketPortRoutes,
        PanelsService,
        PanelGateway,
        PanelFramePublisher,
        LegacyClientTracker,
      ],
    };
  }
}
