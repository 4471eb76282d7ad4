import { DomainError } from '../../core/index.js';

export const quarantinedNotFound = (): DomainError =>
  new DomainError('not-found', 'quarantine/not-found', 'There is no such quarantined position.');
