import { renderErrorsPage } from './errors-page.js';
import { renderEnvExample, renderSettingsPage } from './settings-docs.js';

/** Generated files by path from the repository root. Each function gets the file as it is and gives its new content. */
export const GENERATED_FILES: Readonly<Record<string, (current: string) => string>> = {
  '.env.example': renderEnvExample,
  'docs/settings.md': renderSettingsPage,
  'docs/errors.md': renderErrorsPage,
};
