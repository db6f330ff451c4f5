import type { Client } from '../../../client/client.ts';
import type { ContainerProcess, Program } from '../image.ts';
import { inClusterClient } from '../in-cluster/client.ts';
import { type AccessLog, createAccessLog } from './access-log.ts';
import { aggregate } from './aggregate.ts';
import { loadOptions, OptionError, type Options } from './configuration/options.ts';
import { defaultEntryPoints, entryPointsOf } from './configuration/static.ts';
import type { Dynamic } from './dynamic.ts';
import { healthcheck } from './healthcheck.ts';
import { internalHandlers } from './internal-handlers.ts';
import { createLog, isLevel, type Log } from './log.ts';
import { crdProvider } from './providers/crd.ts';
import { gatewayProvider } from './providers/gateway.ts';
import { ingressProvider } from './providers/ingress.ts';
import { internalConfiguration } from './providers/internal.ts';
import { nginxProvider } from './providers/nginx.ts';
import type { Provider, ProviderContext } from './providers/provider.ts';
import { Watches } from './providers/watches.ts';
import { buildTables } from './routing/build.ts';
import { createCertificateStore } from './server/certificates.ts';
import { makeDefaultCertificate } from './server/default-certificate.ts';
import { type EntryPointServer, listenEntryPoint } from './server/entry-point.ts';
import { createForwarder } from './server/forward.ts';
import { codename, goVersion, help, version } from './version.ts';

const encoded =
  'Traefik can reject some encoded characters in the request path.When your backend is not fully compliant with [RFC 3986](https://datatracker.ietf.org/doc/html/rfc3986),it is recommended to set these options to `false` to avoid split-view situation.Refer to the documentation for more details: https://doc.traefik.io/traefik/v3.6/migrate/v3/#encoded-characters-configuration-default-values';

/** Milliseconds between two configurations where the option does not say. The real one waits two seconds; nobody learns by that. */
const spacing = 100;

/** Plays `traefik`: its commands, and without one the proxy itself. */
export const traefik: Program = async (process) => {
  const args = process.argv.slice(1);
  const [first] = args;
  const say = (text: string): Promise<void> => process.stdout.write(`${text}\n`);
  if (first === 'version') {
    const { now } = { now: process.container.clock.now() };
    await say(
      [
        `Version:      ${version}`,
        `Codename:     ${codename}`,
        `Go version:   ${goVersion}`,
        `Built:        simulated by Atelier, ${now.toISOString().slice(0, 10)}`,
        'OS/Arch:      linux/amd64',
      ].join('\n'),
    );
    return 0;
  }
  if (first !== undefined && args.some((arg) => arg === '-h' || arg === '--help')) {
    await say(help());
    return 0;
  }
  const command = first !== undefined && !first.startsWith('-') ? first : undefined;
  try {
    if (command === 'healthcheck') return await healthcheck(process, loadOptions(process, args.slice(1)));
    if (command !== undefined && command !== 'traefik') {
      await say(help());
      throw new OptionError(`command not found: ${command}`);
    }
    return await serve(process, loadOptions(process, command ? args.slice(1) : args));
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const now = process.container.clock
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
    const told = {
      level: 'error',
      error: `command traefik error: ${error.message}`,
      time: now,
      message: 'Command error',
    };
    await say(JSON.stringify(told));
    return 1;
  }
};

async function serve(process: ContainerProcess, options: Options): Promise<number> {
  const log = await openLog(process, options);
  log.warn(encoded);
  log.info(`Traefik version ${version} built on a simulation by Atelier`, { version });
  tellHabits(options, log);

  const failed = (text: string): number => {
    log.error('Command error', { error: `command traefik error: ${text}` });
    return 1;
  };
  let entryPoints: ReturnType<typeof entryPointsOf>;
  try {
    entryPoints = entryPointsOf(options);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    return failed(error.message);
  }
  const { clock } = process.container;
  const certificates = createCertificateStore(() => makeDefaultCertificate(clock.now()));
  const accessLog = openAccessLog(process, options, log);
  const servers = new Map<string, EntryPointServer>();
  for (const entry of entryPoints) {
    try {
      servers.set(
        entry.name,
        await listenEntryPoint(entry, {
          process,
          log,
          accessLog: entry.accessLogs ? accessLog : undefined,
          certificates,
        }),
      );
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reason =
        code === 'EADDRINUSE' ? `listen tcp ${entry.host}:${entry.port}: bind: address already in use` : message;
      return failed(
        `error while building entryPoint ${entry.name}: building listener: error opening listener: ${reason}`,
      );
    }
  }

  const forwarder = createForwarder(process);
  const told = new Map<string, Dynamic>();
  const state = { ending: false, dynamic: undefined as Dynamic | undefined };
  const internal = internalHandlers(options, state);
  const names = entryPoints.map(({ name }) => name);
  const defaults = defaultEntryPoints(entryPoints);

  function apply(): void {
    const dynamic = aggregate(told, entryPoints, defaults, log);
    certificates.set(dynamic.certificates, dynamic.defaultCertificate, log);
    const tables = buildTables(dynamic, names, { log, clock, forwarder, internal, random: Math.random });
    for (const [name, table] of tables) servers.get(name)?.use(table, dynamic.tlsOptions);
    state.dynamic = dynamic;
  }

  const set = options.text('providers.providersthrottleduration');
  const wait = set === '2' ? spacing : options.duration('providers.providersthrottleduration');
  let last = Number.NEGATIVE_INFINITY;
  let due = false;
  const tellOf = (provider: Provider) => {
    let before = '';
    return (dynamic: Dynamic): void => {
      const now = JSON.stringify(dynamic, (_, value) => (value instanceof Map ? [...value] : value));
      if (now === before) return;
      before = now;
      told.set(provider.name, dynamic);
      if (due) return;
      due = true;
      clock.after(Math.max(0, last + wait - clock.monotonic()), () => {
        due = false;
        last = clock.monotonic();
        if (!process.killed.aborted) apply();
      });
    };
  };

  let client: Client | undefined;
  let watches: Watches | undefined;
  const context: ProviderContext = {
    process,
    options,
    entryPoints,
    log,
    client: () => {
      try {
        client ??= inClusterClient(process, { userAgent: `traefik/${version} (linux/amd64) kubernetes` });
      } catch (error) {
        throw new Error(`failed to create in-cluster configuration: ${(error as Error).message}`);
      }
      return client;
    },
    watches: () => {
      watches ??= new Watches(process, context.client());
      return watches;
    },
  };
  log.info('Starting provider aggregator *aggregator.ProviderAggregator');
  log.info('Starting provider *traefik.Provider');
  told.set('internal', internalConfiguration(options, entryPoints, log));
  apply();
  const providers: Provider[] = [
    ...(options.has('providers.kubernetesingress') ? [ingressProvider(context)] : []),
    ...(options.has('providers.kubernetescrd') ? [crdProvider(context)] : []),
    ...(options.has('providers.kubernetesingressnginx') ? [nginxProvider(context)] : []),
    ...(options.has('providers.kubernetesgateway') ? [gatewayProvider(context)] : []),
  ];
  for (const provider of providers) {
    log.info(`Starting provider ${provider.title}`);
    try {
      provider.start(tellOf(provider));
    } catch (error) {
      log.error(`Cannot start the provider ${provider.title}`, { error: (error as Error).message });
    }
  }
  log.info('Starting provider *acme.ChallengeTLSALPN');

  await process.idle(
    new Promise<void>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.onSignal(signal, resolve);
    }),
  );
  log.info('I have to go...');
  log.info('Stopping server gracefully');
  state.ending = true;
  await process.idle(Promise.all(entryPoints.map(({ name, graceTimeout }) => servers.get(name)?.close(graceTimeout))));
  forwarder.close();
  client?.close();
  log.info('Server stopped');
  log.info('Shutting down');
  await process.stdout.write('');
  return 0;
}

async function openLog(process: ContainerProcess, options: Options): Promise<Log> {
  const level = (options.has('log') ? options.text('log.level') : 'ERROR').toLowerCase();
  const settings = {
    level: isLevel(level) ? level : 'error',
    json: options.text('log.format') === 'json',
    color: !options.flag('log.nocolor'),
  };
  if (!isLevel(level))
    createLog(process, { ...settings, json: true }).error(
      'Unspecified or invalid log level, setting the level to default (ERROR)...',
      {
        error: `Unknown Level String: '${level}', defaulting to NoLevel`,
        logLevel: level,
      },
    );
  return createLog(process, settings);
}

/** What it says of calling home; it never does. */
function tellHabits(options: Options, log: Log): void {
  if (options.flag('global.checknewversion')) {
    log.info('Version check is enabled.');
    log.info('Traefik checks for new releases to notify you if your version is out of date.');
    log.info('It also collects usage data during this process.');
    log.info('Check the documentation to get more info: https://doc.traefik.io/traefik/contributing/data-collection/');
  } else
    log.info(
      '\nVersion check is disabled.\nYou will not be notified if a new version is available.\nMore details: https://doc.traefik.io/traefik/contributing/data-collection/\n',
    );
  if (options.flag('global.sendanonymoususage')) {
    log.info(
      "\nStats collection is enabled.\nMany thanks for contributing to Traefik's improvement by allowing us to receive anonymous information from your configuration.\nHelp us improve Traefik by leaving this feature on :)\nMore details on: https://doc.traefik.io/traefik/contributing/data-collection/\n",
    );
  } else
    log.info(
      '\nStats collection is disabled.\nHelp us improve Traefik by turning this feature on :)\nMore details on: https://doc.traefik.io/traefik/contributing/data-collection/\n',
    );
}

function openAccessLog(process: ContainerProcess, options: Options, log: Log): AccessLog | undefined {
  if (!options.has('accesslog')) return undefined;
  const format = options.text('accesslog.format');
  if (!['common', 'json', 'genericCLF'].includes(format))
    log.error(`Unsupported access log format: ${JSON.stringify(format)}, defaulting to common format instead.`);
  const statuses = options.list('accesslog.filters.statuscodes').map((range): [number, number] => {
    const [least = '', most = least] = range.split('-');
    return [Number(least), Number(most)];
  });
  const headers = 'accesslog.fields.headers.names';
  return createAccessLog(process, {
    json: format === 'json',
    statuses,
    least: options.duration('accesslog.filters.minduration'),
    headers: {
      keep: options.text('accesslog.fields.headers.defaultmode') === 'keep',
      names: new Map(options.names(headers).map((name) => [name.toLowerCase(), options.text(`${headers}.${name}`)])),
    },
  });
}
