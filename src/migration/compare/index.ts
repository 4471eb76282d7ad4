export { compareCommand } from './compare.command.js';
export { compareStores } from './compare-stores-now.js';
export { type CompareReport, reportLines } from './compare-report.js';
