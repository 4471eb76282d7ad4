import { DomainError } from '../core/index.js';

export const crashNotFound = (): DomainError =>
  new DomainError('crashes/not-found', 'There is no such crash report.');
