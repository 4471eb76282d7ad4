/** The process that decodes: see `decoder.service.ts`. Everything hostile that is in a picture happens here. */
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { DecoderError, examine, limitLibvips, makeThumbnail } from './decode.js';
import type { DecoderAnswer, DecoderJob } from './decoder-protocol.js';

const MEMORY_CHECK_INTERVAL_MS = 20;
/** Below the service's own work: a fix must not wait for a thumbnail. */
const NICENESS = 10;

const memoryLimitBytes = Number(process.argv[2]) * 1e6;

preferOomKill();
limitLibvips();
setPriority(NICENESS);
// The library's memory is not V8's, which therefore cannot limit it. Decoding runs on other threads, so this is in time.
setInterval(() => {
  if (process.memoryUsage.rss() > memoryLimitBytes) process.kill(process.pid, 'SIGKILL');
}, MEMORY_CHECK_INTERVAL_MS).unref();

process.on('message', (job: DecoderJob) => {
  void answer(job).then((message) => process.send?.(message));
});
process.on('disconnect', () => process.exit(0));

/** Where a container's memory ends, the kernel is to take this process and never the service. Linux alone knows it. */
function preferOomKill(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Elsewhere the limit above has to do.
  }
}

async function answer(job: DecoderJob): Promise<DecoderAnswer<unknown>> {
  try {
    return { isDone: true, result: await (job.kind === 'examine' ? examine(job) : makeThumbnail(job)) };
  } catch (error) {
    return { isDone: false, fault: error instanceof DecoderError ? error.fault : 'failed' };
  }
}
