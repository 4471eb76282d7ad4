// Sums what the stages of `.ci/run` left in a directory: prints what failed, then "N passed, N failed", and exits with 1 if anything did.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { relative } from 'node:path';

const [directory] = process.argv.slice(2);
const files = readdirSync(directory);
const read = (name) => JSON.parse(readFileSync(`${directory}/${name}`, 'utf8'));
const faultsOf = (report) => report.numFailedTests + report.numRuntimeErrorTestSuites;
const namesOf = (report) =>
  report.testResults
    .filter((file) => file.status === 'failed')
    .flatMap((file) => {
      const tests = file.assertionResults.filter((test) => test.status === 'failed');
      const where = relative('.', file.name);
      return tests.length === 0 ? [where] : tests.map((test) => `${where}: ${test.fullName}`);
    });

let [passed, failed] = [0, 0];
for (const name of files
  .filter((file) => /^\w+\.json$/.test(file))
  .map((file) => file.replace('.json', ''))) {
  const first = read(`${name}.json`);
  const again = existsSync(`${directory}/${name}.again.json`) ? read(`${name}.again.json`) : null;
  passed += first.numPassedTests + (again ? Math.max(0, first.numFailedTests - again.numFailedTests) : 0);
  failed += faultsOf(again ?? first);
  for (const test of namesOf(first)) console.log(`${name}: failed at first: ${test}`);
  for (const test of again ? namesOf(again) : []) console.log(`${name}: failed again: ${test}`);
}

const stages = readFileSync(`${directory}/stages`, 'utf8').trimEnd();
for (const file of files.filter((name) => name.endsWith('.failed'))) {
  console.log(
    `\n== The end of what failed: ${file.replace('.failed', '')}\n${readFileSync(`${directory}/${file}`, 'utf8')}`,
  );
}
// A stage that broke before or beside its tests counts as a failure of its own.
failed = Math.max(failed, stages.split('\n').filter((line) => line.includes(': FAILED, ')).length);
console.log(`\n${stages}\n\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
