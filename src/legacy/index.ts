export { LegacyModule } from './legacy.module.js';
export { PictureReferencesModule } from './shared-collections/picture-references.module.js';
export { SharedCollectionsModule } from './shared-collections/shared-collections.module.js';
