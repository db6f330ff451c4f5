import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import sirv from 'sirv';
import type { Tools } from '../../../sandbox/tools/tools.ts';
import type { TrackFolder } from '../../lessons/load.ts';
import { type LearnerSession, openSession } from '../../sessions/session.ts';
import { packCharts } from '../chart-repository.ts';
import { startCluster } from '../cluster-process.ts';
import { ROOT } from '../project.ts';

/** A learner, a cluster and a chart repository, without a site: where lessons are rehearsed. */
export interface Stage {
  session: LearnerSession;
  close(): Promise<void>;
}

export interface StageOptions {
  /** An empty folder that the stage may fill. */
  home: string;
  learner: string;
  tools: Tools;
  tracks: TrackFolder[];
  /** A real, disposable cluster; without it an embedded one is started. */
  kubeconfig?: string;
  onTrouble(error: Error): void;
}

export async function openStage(options: StageOptions): Promise<Stage> {
  const { home, tools, tracks, learner, onTrouble } = options;
  const charts = path.join(home, 'charts');
  const domain = `${learner}.localhost`;
  await packCharts(tools, charts);
  const serve = sirv(charts, { dev: true });
  const repository = createServer((request, response) => {
    request.url = request.url?.replace(/^\/charts/, '') ?? '/';
    serve(request, response, () => void response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => repository.listen(0, '127.0.0.1', resolve));
  const cluster = options.kubeconfig
    ? undefined
    : await startCluster({ home, name: 'main', domain, ingress: { ports: 'high' }, onTrouble });
  const session = await openSession({
    learner,
    directory: path.join(home, 'learners', learner),
    root: ROOT,
    tracks,
    tools,
    charts: `http://127.0.0.1:${(repository.address() as AddressInfo).port}/charts`,
    kubeconfig: options.kubeconfig ?? cluster?.kubeconfig ?? '',
    ownCluster: !options.kubeconfig,
    domain,
    ...(cluster && { place: cluster.place, placed: cluster.placed, authority: cluster.authority }),
    onTrouble,
  });
  await session.ready;
  return {
    session,
    async close() {
      await session.close();
      await cluster?.stop();
      repository.closeAllConnections();
      repository.close();
    },
  };
}
