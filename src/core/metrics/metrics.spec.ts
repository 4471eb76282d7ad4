import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Metrics } from './metrics.js';
import { createPino, PinoLogger } from '../logging/pino-logger.js';

afterEach(() => Logger.overrideLogger(undefined as never));

describe('Metrics', () => {
  it('leaves out a gauge that fails, shows the others, and logs the failure', async () => {
    let log = '';
    const to = { write: (line: string) => void (log += line) };
    Logger.overrideLogger(new PinoLogger(createPino('warn', { isTerminal: false, release: null, to })));
    const metrics = new Metrics();
    let isBroken = false;
    metrics.gauge({
      name: 'samserver_broken',
      help: 'Breaks.',
      collect: (gauge) => {
        if (isBroken) throw new Error('cannot be had');
        gauge.set(1);
      },
    });
    metrics.gauge({ name: 'samserver_fine', help: 'Works.', collect: (gauge) => gauge.set(2) });
    expect(await metrics.text()).toContain('samserver_broken 1');
    isBroken = true;
    const text = await metrics.text();
    expect(text).toContain('samserver_fine 2');
    // The earlier value would look like the current one.
    expect(text).not.toMatch(/^samserver_broken \d/m);
    expect(log).toContain('cannot be had');
    isBroken = false;
    expect(await metrics.text()).toContain('samserver_broken 1');
  });

  it('drops label values that a gauge no longer sets', async () => {
    const metrics = new Metrics();
    let names = ['one', 'two'];
    metrics.gauge({
      name: 'samserver_named',
      help: 'By name.',
      labelNames: ['name'],
      collect: (gauge) => names.forEach((name) => gauge.set({ name }, 1)),
    });
    expect(await metrics.text()).toContain('name="one"');
    names = ['two'];
    const text = await metrics.text();
    expect([text.includes('name="one"'), text.includes('name="two"')]).toEqual([false, true]);
  });

  it('refuses a name twice, and is independent of other instances', () => {
    const description = { name: 'samserver_once_total', help: 'Once.' } as const;
    const metrics = new Metrics();
    metrics.counter(description);
    expect(() => metrics.counter(description)).toThrow(/already been registered/);
    expect(() => new Metrics().counter(description)).not.toThrow();
  });
});
