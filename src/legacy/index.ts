export { LegacyModule } from './legacy.module.js';
export { LegacyRoles } from './roles/legacy-roles.js';
export { LegacyRolesModule } from './roles/legacy-roles.module.js';
export { PictureReferencesModule } from './shared-collections/picture-references.module.js';
export { SharedCollectionsModule } from './shared-collections/shared-collections.module.js';
