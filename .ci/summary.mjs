// Sums up what the stages of `.ci/run` left in a directory: prints the failed tests, the end of the log of each failed
// stage, a duration per stage, and "N passed, N failed". Exits with 1 when a test or a stage failed.
import { readFileSync, readdirSync } from 'node:fs';
import { relative } from 'node:path';

const [directory] = process.argv.slice(2);
const files = readdirSync(directory);
const read = (file) => readFileSync(`${directory}/${file}`, 'utf8');

let [passed, failed] = [0, 0];
for (const file of files.filter((name) => /^\w+\.json$/.test(name))) {
  const report = JSON.parse(read(file));
  passed += report.numPassedTests;
  failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
  for (const test of failedTestsOf(report)) console.log(`${file.replace('.json', '')}: ${test}`);
}

for (const file of files.filter((name) => name.endsWith('.failed')))
  console.log(`\n== End of the log: ${file.replace('.failed', '')}\n${read(file)}`);

const stages = read('stages').trimEnd();
// A stage that failed outside its tests counts as one failure.
failed = Math.max(failed, stages.split('\n').filter((line) => line.includes(': FAILED, ')).length);
console.log(`\n${stages}\n\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function failedTestsOf({ testResults }) {
  return testResults
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, assertionResults }) => {
      const file = relative('.', name);
      const tests = assertionResults.filter(({ status }) => status === 'failed');
      return tests.length === 0 ? [file] : tests.map(({ fullName }) => `${file}: ${fullName}`);
    });
}
