import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadSettings, SECRET_SETTINGS, SETTING_GROUPS, SettingsError } from '../../src/config/index.js';
import { ROOT } from './support/engine.js';
import { describeWithKubernetesTools, parsed, removeTools, render, validate } from './support/kubernetes.js';

/** The oldest version that has every field of the manifests, and the newest one of the validator. */
const VERSIONS = ['1.27', '1.37'];
const SETTINGS = Object.assign({}, ...SETTING_GROUPS.map(({ settings }) => settings)) as Record<
  string,
  { default: string | null }
>;

type Labels = Readonly<Record<string, string>>;
interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  failureThreshold: number;
}
interface Container {
  command?: string[];
  args?: string[];
  ports: { name: string; containerPort: number }[];
  env: { name: string; value: string }[];
  envFrom: { configMapRef: { name: string } }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  lifecycle: { preStop: { exec: { command: string[] } } };
  resources: { limits: { memory: string } };
  securityContext: object;
  volumeMounts: { name: string; mountPath: string }[];
}
interface PodSpec {
  containers: [Container];
  volumes: {
    name: string;
    secret?: { secretName: string };
    persistentVolumeClaim?: { claimName: string };
  }[];
  terminationGracePeriodSeconds: number;
}
interface Rule {
  from?: unknown[];
  to?: unknown[];
  ports?: { port: number }[];
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  data?: Labels;
  stringData?: Labels;
  spec: {
    template: { metadata: { labels: Labels }; spec: PodSpec };
    progressDeadlineSeconds: number;
    selector: Labels & { matchLabels: Labels };
    podSelector: { matchLabels?: Labels };
    policyTypes: string[];
    ingress: Rule[];
    egress: Rule[];
    accessModes: string[];
    scaleTargetRef: { kind: string; name: string };
    ports: { port: number; targetPort: string }[];
    rules: { http: { paths: { path: string; pathType: string; backend: Backend }[] } }[];
  };
}
interface Backend {
  service: { name: string; port: { name: string } };
}

const selects = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

describeWithKubernetesTools('the Kubernetes manifests', () => {
  let text: string;
  let manifests: Manifest[];
  let directory: string;
  beforeAll(async () => {
    text = await render('example');
    manifests = parsed<Manifest>(text);
    directory = await mkdtemp(join(tmpdir(), 'samserver-secret-'));
  });
  afterAll(async () => {
    await removeTools();
    await rm(directory, { recursive: true, force: true });
  });

  const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');
  const get = (kind: string, name = 'samserver'): Manifest => {
    const found = manifests.find((one) => one.kind === kind && one.metadata.name.startsWith(name));
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    return found;
  };
  const pod = (kind: 'Deployment' | 'Job'): PodSpec => get(kind).spec.template.spec;
  const labels = (kind: 'Deployment' | 'Job'): Labels => get(kind).spec.template.metadata.labels;

  /** Environment of the process, with the paths of the Secret's files in `directory`. */
  const environment = (kind: 'Deployment' | 'Job'): Record<string, string> => {
    const [{ env, envFrom, volumeMounts }] = pod(kind).containers;
    const secrets = volumeMounts.find(({ name }) => name === 'secrets')?.mountPath ?? '';
    return {
      ...Object.assign({}, ...envFrom.map(({ configMapRef }) => get('ConfigMap', configMapRef.name).data)),
      ...Object.fromEntries(env.map(({ name, value }) => [name, value.replace(secrets, directory)])),
    };
  };

  it.each(VERSIONS)('are valid for Kubernetes %s, without unknown fields', async (version) => {
    const valid = await validate(text, [version]);
    expect(valid).toMatchObject({ code: 0 });
    expect(valid.output.match(/passed for resource/g)).toHaveLength(manifests.length);
    const misspelt = text.replace('readOnlyRootFilesystem', 'readOnlyRootFileSystem');
    expect(await validate(misspelt, [version])).not.toMatchObject({ code: 0 });
  });

  it('have the probes of the image and of docs/operations.md', async () => {
    const [container] = pod('Deployment').containers;
    const [, imageProbe = ''] = /GET (\S+) HTTP/.exec(await read('docker/Dockerfile')) ?? [];
    expect(container.startupProbe.httpGet.path).toBe(imageProbe);
    const table = [...(await read('docs/operations.md')).matchAll(/^\| [^|]+\?\s+\| `(\/[^`]+)`/gm)];
    const { startupProbe, livenessProbe, readinessProbe } = container;
    expect(table.map(([, path]) => path)).toEqual([
      livenessProbe.httpGet.path,
      startupProbe.httpGet.path,
      readinessProbe.httpGet.path,
    ]);
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe])
      expect(httpGet.port).toBe('http');
    // An update is not reported as failed while the startup probe still waits.
    expect(get('Deployment').spec.progressDeadlineSeconds).toBeGreaterThan(
      startupProbe.periodSeconds * startupProbe.failureThreshold,
    );
  });

  it('leave time for the pause before SIGTERM and the drain', () => {
    const { terminationGracePeriodSeconds, containers } = pod('Deployment');
    const [program, pauseS] = containers[0].lifecycle.preStop.exec.command;
    expect(program).toBe('sleep');
    const drainS = environment('Deployment')['DRAIN_TIMEOUT_S'] ?? SETTINGS['DRAIN_TIMEOUT_S']?.default;
    expect(terminationGracePeriodSeconds).toBeGreaterThan(Number(pauseS) + Number(drainS));
  });

  it.each(['Deployment', 'Job'] as const)('use only settings that exist, and no secret value: %s', (kind) => {
    const names = Object.keys(environment(kind));
    expect(names.filter((name) => !(name.replace(/_FILE$/, '') in SETTINGS))).toEqual([]);
    expect(names.filter((name) => SECRET_SETTINGS.includes(name))).toEqual([]);
    const { volumes } = pod(kind);
    const { secretName } = volumes.find(({ secret }) => secret !== undefined)?.secret ?? {};
    const keys = Object.keys(get('Secret', secretName).stringData ?? {});
    const files = Object.entries(environment(kind)).filter(([name]) => name.endsWith('_FILE'));
    expect(files.length).toBeGreaterThan(0);
    for (const [, file] of files) expect(keys).toContain(file.slice(directory.length + 1));
  });

  it.each(['Deployment', 'Job'] as const)(
    'have settings that are accepted with real secrets and refused with those of the example: %s',
    async (kind) => {
      const secrets = get('Secret').stringData ?? {};
      const write = (value: (name: string) => string): Promise<void[]> =>
        Promise.all(Object.keys(secrets).map((name) => writeFile(join(directory, name), value(name))));
      await write((name) => secrets[name] ?? '');
      const env = { ...environment(kind), NODE_ENV: 'production' };
      expect(() => loadSettings(env)).toThrow(SettingsError);
      await write((name) =>
        name.endsWith('_url') ? (secrets[name] ?? '') : 'a secret of at least 32 bytes, as generated',
      );
      expect(loadSettings(env).notices).toEqual([]);
    },
  );

  it('run the command of the image with the memory of the compose stack', async () => {
    const [container] = pod('Deployment').containers;
    // The CMD of the image limits the heap; the Job replaces it and keeps the entry point.
    for (const replaced of [container.command, container.args, pod('Job').containers[0].command])
      expect(replaced).toBeUndefined();
    const compose = parse(await read('docker/compose.yml')) as {
      'x-service': { mem_limit: string };
      'x-environment': Record<string, string>;
    };
    expect(container.resources.limits.memory).toBe(compose['x-service'].mem_limit.replace(/m$/, 'Mi'));
    expect(environment('Deployment')['IMAGE_DECODER_MEMORY_MB']).toBe(
      compose['x-environment']['IMAGE_DECODER_MEMORY_MB'],
    );
  });

  it.each(['Deployment', 'Job'] as const)('give a pod no privilege and no token of the API: %s', (kind) => {
    expect(pod(kind)).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    for (const { securityContext } of pod(kind).containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
    // SIGKILL has no effect on PID 1, and the watchdog ends a blocked process with it.
    if (kind === 'Deployment') expect(pod(kind)).toMatchObject({ shareProcessNamespace: true });
  });

  it('send traffic to the server and not to the Job', () => {
    const { selector, ports } = get('Service').spec;
    expect(selects(selector, labels('Deployment'))).toBe(true);
    expect(selects(selector, labels('Job'))).toBe(false);
    const declared = pod('Deployment').containers[0].ports;
    expect(ports.map(({ targetPort, port }) => ({ name: targetPort, containerPort: port }))).toEqual(
      declared,
    );
    const env = environment('Deployment');
    expect(declared.map(({ containerPort }) => String(containerPort))).toEqual([
      env['HTTP_PORT'],
      env['SOCKET_SERVER_PORT'],
    ]);
  });

  it('apply the autoscaler and the disruption budget to the Deployment', () => {
    expect(get('HorizontalPodAutoscaler').spec.scaleTargetRef).toMatchObject({
      kind: 'Deployment',
      name: 'samserver',
    });
    const { matchLabels } = get('PodDisruptionBudget').spec.selector;
    expect(selects(matchLabels, labels('Deployment'))).toBe(true);
    expect(selects(matchLabels, labels('Job'))).toBe(false);
  });

  it('deny all connections but those that the service needs', () => {
    const all = get('NetworkPolicy', 'default-deny').spec;
    expect(all).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    const { podSelector, ingress, egress } = get('NetworkPolicy').spec;
    for (const kind of ['Deployment', 'Job'] as const)
      expect(selects(podSelector.matchLabels ?? {}, labels(kind))).toBe(true);
    const rules = [
      ...ingress.map(({ from, ports }) => ({ peers: from, ports })),
      ...egress.map(({ to, ports }) => ({ peers: to, ports })),
    ];
    // A rule without peers or ports allows all of them.
    expect(rules.filter(({ peers, ports }) => !peers?.length || !ports?.length)).toEqual([]);
    expect(egress.flatMap(({ ports = [] }) => ports.map(({ port }) => port))).toEqual([53, 53, 27017, 6379]);
  });

  it.each(['IMAGE_DIR', 'LEGACY_SPOOL_DIR'])('keep %s on one volume that every node can mount', (setting) => {
    const { volumes, containers } = pod('Deployment');
    const mount = containers[0].volumeMounts.find(
      ({ mountPath }) => mountPath === environment('Deployment')[setting],
    );
    const claim = volumes.find(({ name }) => name === mount?.name)?.persistentVolumeClaim?.claimName;
    expect(get('PersistentVolumeClaim', claim).spec.accessModes).toEqual(['ReadWriteMany']);
  });

  it('serve every route from outside but those of operators', async () => {
    const { routes } = JSON.parse(await read('test/surface/routes.json')) as { routes: string[] };
    const paths = get('Ingress').spec.rules.flatMap(({ http }) => http.paths);
    const isServed = (route: string): boolean =>
      paths.some(
        ({ path, pathType }) => route === path || (pathType === 'Prefix' && route.startsWith(`${path}/`)),
      );
    const internal = /^\/(metrics|health|ready|api\/v1\/ops)(\/|$)/;
    const all = routes.map((route) => route.split(' ')[1] ?? '');
    expect(all.length).toBeGreaterThan(50);
    expect(all.filter((route) => isServed(route) === internal.test(route))).toEqual([]);
    const ports = get('Service').spec.ports.map(({ targetPort }) => targetPort);
    for (const { backend } of paths) {
      expect(backend.service.name).toBe('samserver');
      expect(ports).toContain(backend.service.port.name);
    }
  });
});
