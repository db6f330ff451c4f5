import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { findBash } from '../../../sandbox/shell/pty.ts';
import { fetchTools } from '../../../sandbox/tools/tools.ts';
import { loadTracks } from '../../lessons/load.ts';
import { formatProblems } from '../../lessons/problem.ts';
import { parseConfiguration } from '../../server/configuration.ts';
import { lockHome, openHome } from '../../server/home.ts';
import { createIdentity } from '../../server/identity.ts';
import { listen, type PageHandler } from '../../server/server.ts';
import { UserError } from '../../server/user-error.ts';
import { openSession } from '../../sessions/session.ts';
import { packCharts } from '../chart-repository.ts';
import { startCluster } from '../cluster-process.ts';
import { openLog } from '../log.ts';
import { showProgress } from '../progress.ts';
import { DIST, ROOT, TOOLS } from '../project.ts';
import { findCluster, refusedBy, requireRights, troubleOf } from '../real-cluster.ts';
import { untilSignal } from '../signals.ts';
import { buildSite } from '../site-build.ts';

/** Tools, site and charts, cluster, sandbox. */
const STEPS = 4;

/** `atelier start`: everything one learner needs, until a signal ends it. */
export async function start(args: string[]): Promise<void> {
  const configuration = parseConfiguration(args, process.env, ROOT);
  const { home, learner, name, domain, ingressPorts } = configuration;
  checkBash();
  openHome(home);
  const lock = lockHome(home);
  const ends: (() => unknown)[] = [lock.release];
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= (async () => {
      for (const end of ends.splice(0).reverse()) await end();
    })();
    return stopped;
  };
  const signal = untilSignal();
  signal.addEventListener('abort', () => stop().then(() => process.exit(0)));
  const progress = showProgress(process.stderr, STEPS);
  ends.push(progress.end);
  try {
    const log = openLog(path.join(home, 'atelier.log'));
    const server = await listen(configuration.host, configuration.port, log.trouble);
    ends.push(() => server.close());
    const real = configuration.real && (await findCluster(configuration.real.kubeconfig, configuration.real.context));
    if (real) await requireRights(real);
    const tools = await fetchTools(TOOLS, progress.say, signal);
    progress.advance();
    const charts = path.join(home, 'charts');
    // Both take their time at the first start; a wrong lesson should be told before a cluster is up.
    await Promise.all([buildSite({ tell: progress.say, signal }), packCharts(tools, charts, signal)]);
    progress.advance();
    const { tracks, problems } = loadTracks(ROOT);
    if (problems.length > 0) throw new UserError(formatProblems(problems, ROOT));
    progress.say(real ? `Using the cluster of context ${real.context}` : 'Starting the cluster');
    const [site, cluster] = await Promise.all([
      import(pathToFileURL(path.join(DIST, 'server/entry.mjs')).href) as Promise<{ handler: PageHandler }>,
      real ? undefined : startCluster({ home, name, domain, ingress: { ports: ingressPorts }, onTrouble: log.trouble }),
      // Loaded while the cluster comes up: provisioning needs it at once.
      import('@kubernetes/client-node'),
    ]);
    if (cluster) ends.push(() => cluster.stop());
    signal.throwIfAborted();
    progress.advance();
    progress.say('Preparing the sandbox');
    const kubeconfig = real?.kubeconfig ?? cluster?.kubeconfig ?? '';
    const origin = `http://${configuration.host === '::1' ? '[::1]' : '127.0.0.1'}:${server.port}`;
    const session = await openSession({
      learner,
      directory: path.join(home, 'learners', learner),
      root: ROOT,
      tracks,
      tools,
      charts: `${origin}/charts`,
      kubeconfig,
      ...(real && { context: real.context }),
      ownCluster: !real,
      domain,
      ...(cluster && { place: cluster.place, placed: cluster.placed, authority: cluster.authority }),
      onTrouble: log.trouble,
    });
    ends.push(() => session.close());
    await session.ready.catch((error) => {
      throw real ? refusedBy(error, real) : error;
    });
    progress.advance();
    const identity = createIdentity(home, learner, () => server.port);
    server.begin(
      { pages: site.handler, assets: path.join(DIST, 'client'), charts },
      {
        identity,
        session,
        tracks,
        cluster: { kind: real ? 'real' : 'embedded', name: real?.context ?? name, simulated: !real },
        trouble: () => cluster?.trouble() ?? troubleOf({ kubeconfig, ...(real && { context: real.context }) }),
      },
    );
    signal.throwIfAborted();
    lock.announce(origin);
    progress.end();
    const link = `${origin}/?token=${identity.token}`;
    process.stdout.write(`Atelier is ready: ${link}\n`);
    if (configuration.open && process.stdout.isTTY) openBrowser(link);
  } catch (error) {
    await stop();
    // Whatever broke off when a signal came is no fault.
    throw signal.aborted ? signal.reason : error;
  }
}

function checkBash(): void {
  try {
    findBash(process.env.PATH ?? '');
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}

function openBrowser(link: string): void {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(opener, [link], { stdio: 'ignore', detached: true });
  // No browser to open is no trouble: the link stands in the terminal.
  child.on('error', () => undefined);
  child.unref();
}
