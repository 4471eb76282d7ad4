import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const MONITORING = 'docker/monitoring';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}
const { groups } = parse(read(`${MONITORING}/alerts.rules.yml`)) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

/** Ids of the headings of a page, as GitHub makes them. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );

describe('the alerts', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s leads to its section of the runbook',
    (name, rule) => {
      expect(['critical', 'warning']).toContain(rule.labels.severity);
      expect(rule.annotations.summary).toMatch(/^[A-Z{].*\.$/);
      const [page = '', anchor = ''] = rule.annotations.runbook_url.split('#');
      expect(anchor).toBe(name.toLowerCase());
      expect(anchorsOf(read(page)).has(anchor)).toBe(true);
      expect(read(page)).toMatch(new RegExp(`## ${name}\\n\\n\`${rule.labels.severity}\``));
    },
  );

  it('use metrics that exist', () => {
    const used = new Set(
      rules.flatMap(({ expr }) => expr.match(/\b(?:samserver|process|nodejs)_\w+/g) ?? []),
    );
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(join('src', name)))
      .join('\n');
    const known = (metric: string): boolean => {
      const name = metric.replace(/_bucket$/, '');
      return name.startsWith('samserver_')
        ? sources.includes(`'${name}'`)
        : read('test/surface/metrics.json').includes(`"${name} `);
    };
    expect([...used].filter((metric) => !known(metric))).toEqual([]);
  });

  const tools: readonly (readonly [string, ...string[]])[] = [
    ['promtool', 'check', 'rules', 'alerts.rules.yml'],
    ['promtool', 'test', 'rules', 'alerts.test.yml'],
    ['promtool', 'check', 'config', '--syntax-only', 'prometheus.yml'],
    ['amtool', 'check-config', 'alertmanager.yml'],
  ];
  it.each(tools)('%s %s %s', (file, ...args) => {
    const { error, status, stdout, stderr } = spawnSync(file, args, {
      cwd: join(ROOT, MONITORING),
      encoding: 'utf8',
    });
    if (error && process.env['CI'] !== 'true') {
      process.stderr.write(
        `SKIPPED: ${file} is not installed (Debian: prometheus, prometheus-alertmanager)\n`,
      );
      return;
    }
    expect({ error, status, output: `${stdout}${stderr}` }).toMatchObject({ error: undefined, status: 0 });
  });

  it('have a test each', () => {
    const { tests } = parse(read(`${MONITORING}/alerts.test.yml`)) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
    };
    const tested = tests.flatMap(({ alert_rule_test: each }) =>
      each.flatMap(({ alertname, exp_alerts }) => (exp_alerts.length > 0 ? [alertname] : [])),
    );
    expect(rules.map(({ alert }) => alert).filter((name) => !tested.includes(name))).toEqual([]);
  });
});

describe('the pages', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'docker/README.md',
    ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  it.each(pages)('%s has no link to a page or section that does not exist', (page) => {
    const text = read(page).replace(/```[^]*?```/g, '');
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      try {
        if (!anchor || !target.endsWith('.md')) {
          if (target.endsWith('.md')) read(target);
          return [];
        }
        return anchorsOf(read(target)).has(anchor) ? [] : [link];
      } catch {
        return [link];
      }
    });
    expect(broken).toEqual([]);
  });
});
