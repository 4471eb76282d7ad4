import { Module, type Provider } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { Clock, EventBus } from '../../core/index.js';
import { CrashesModule } from '../../crashes/index.js';
import { DispatchSystem } from '../../crew-events/index.js';
import { CursorsRepository } from '../../database/index.js';
import { ImagesModule, RetentionPlannerModule } from '../../images/index.js';
import { TrackingModule } from '../../tracking/index.js';
import { VehiclesModule } from '../../vehicles/index.js';
import { DrivingTimes, GoogleRoutesClient, ROUTES_CLIENT } from '../open-requests/driving-times.js';
import { OpenRequestsRepository } from '../open-requests/open-requests.repository.js';
import { OpenRequestsService } from '../open-requests/open-requests.service.js';
import { SharedDatabaseDispatchSystem } from '../open-requests/shared-database-dispatch-system.js';
import { LegacyRoles } from '../roles/legacy-roles.js';
import { LegacyRolesModule } from '../roles/legacy-roles.module.js';
import { AmbulanceDirectory } from './ambulance-directory.js';
import { AmbulancesRepository } from './ambulances.repository.js';
import { CrashCollectionRepository } from './crash-collection.repository.js';
import { CrashSource, PictureSource, PositionSource } from './mirror-sources.js';
import { Mirror, type MirrorSource } from './mirror.js';
import { PictureCollectionsRepository } from './picture-collections.repository.js';
import { PictureReferencesModule } from './picture-references.module.js';
import { RetentionFreeze } from './retention-freeze.js';
import { MIRRORS, SharedCollectionsService } from './shared-collections.service.js';
import { StoredTrackingsRepository } from './stored-trackings.repository.js';
import { TimeZoneCheck } from './time-zone-check.js';
import { TrackingCollectionsRepository } from './tracking-collections.repository.js';

const mirrors: Provider = {
  provide: MIRRORS,
  useFactory: (
    { sharedCollections }: Settings,
    cursors: CursorsRepository,
    clock: Clock,
    roles: LegacyRoles,
    bus: EventBus,
    ...sources: MirrorSource<unknown>[]
  ) =>
    sharedCollections.isEnabled
      ? sources.map((source) => new Mirror(source, cursors, clock, roles, bus))
      : [],
  inject: [
    SETTINGS,
    CursorsRepository,
    Clock,
    LegacyRoles,
    EventBus,
    PositionSource,
    PictureSource,
    CrashSource,
  ],
};

const routesClient: Provider = {
  provide: ROUTES_CLIENT,
  useFactory: ({ google }: Settings) =>
    google.mapKey === null ? null : new GoogleRoutesClient({ key: google.mapKey }),
  inject: [SETTINGS],
};

/** The database that this service shares with the old system's programs: what it writes there and what it reads. */
@Module({
  imports: [
    LegacyRolesModule,
    TrackingModule,
    VehiclesModule,
    ImagesModule,
    CrashesModule,
    PictureReferencesModule,
    RetentionPlannerModule,
  ],
  providers: [
    AmbulancesRepository,
    AmbulanceDirectory,
    StoredTrackingsRepository,
    TrackingCollectionsRepository,
    PictureCollectionsRepository,
    CrashCollectionRepository,
    PositionSource,
    PictureSource,
    CrashSource,
    mirrors,
    SharedCollectionsService,
    RetentionFreeze,
    TimeZoneCheck,
    routesClient,
    DrivingTimes,
    OpenRequestsRepository,
    OpenRequestsService,
    { provide: DispatchSystem, useClass: SharedDatabaseDispatchSystem },
  ],
  exports: [
    PositionSource,
    PictureSource,
    CrashSource,
    AmbulanceDirectory,
    CrashCollectionRepository,
    OpenRequestsService,
    DispatchSystem,
  ],
})
export class SharedCollectionsModule {}
