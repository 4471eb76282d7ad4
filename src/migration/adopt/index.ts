export { AdoptionFollowerModule } from './adoption-follower.module.js';
