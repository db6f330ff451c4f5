import { debianFiles, debianPrograms } from '../busybox/image.ts';
import { listenGrpcHealth } from '../http/grpc.ts';
import { answer, listenHttp, send } from '../http/server.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';

/** The main program of an image that nobody plays. It says so, and answers on every port that is declared or probed. */
const run: Program = async (process: ContainerProcess) => {
  const { container } = process;
  await process.stdout.write(`Simulated by Atelier: nobody plays the image ${container.image} here.\n`);
  if (container.ports.length === 0 && container.terminates) {
    await process.sleep(1000);
    return 0;
  }
  const page = `<!doctype html>\n<title>simulated</title>\n<p>This container is <strong>simulated</strong>: the image ${container.image} is not really run here.</p>\n<p>Pod ${container.pod.name}</p>\n`;
  for (const port of new Set(container.ports)) {
    if (container.grpcPorts.includes(port)) await listenGrpcHealth(process, port, () => true);
    else await listenHttp(process, port, (_, response) => send(response, answer(200, page)));
    await process.stdout.write(`Simulated: listening on port ${port}.\n`);
  }
  const ended = new Promise<number>((resolve) => process.onSignal('SIGTERM', () => resolve(0)));
  return ended;
};

export function createGenericImage(reference: string): Image {
  const escaped = reference.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return {
    match: new RegExp(`^${escaped}$`),
    tags: /./,
    names: [],
    load: { request: 5 },
    config: { entrypoint: ['/simulated'], cmd: [], env: {}, workingDir: '/', user: 0, exposedPorts: [] },
    programs: { ...debianPrograms, '/simulated': run },
    files: debianFiles,
  };
}
