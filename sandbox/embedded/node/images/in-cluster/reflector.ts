import type { Gvr } from '../../../../../kubernetes/object.ts';
import type { Client, ListOptions } from '../../../client/client.ts';
import { createInformer, type Informer } from '../../../client/informer.ts';
import type { ContainerProcess } from '../image.ts';

export interface ReflectorOptions extends ListOptions {
  client: Client;
  resource: Gvr;
  /** As Go names it: `*v1.Ingress`. */
  type: string;
  /** Of client-go that the program is built with: its lines differ in the file's line. */
  library?: { version: string; line: number; log: number };
}

/** Milliseconds between attempts, as client-go's reflector has them. */
const retry = { first: 800, longest: 30_000 };

/** An informer that complains on standard error as client-go does when it may not list or watch, and goes on trying. */
export function createReflector(process: ContainerProcess, options: ReflectorOptions): Informer {
  const { client, resource, type, library = { version: 'v0.34.3', line: 290, log: 205 }, ...list } = options;
  const { clock } = process.container;
  return createInformer({
    ...list,
    client,
    resource,
    clock,
    signal: process.killed,
    retry,
    failed(error, verb) {
      const now = clock.now().toISOString();
      const time = `${now.slice(5, 7)}${now.slice(8, 10)} ${now.slice(11, 23)}000`;
      const err = JSON.stringify(`failed to ${verb} ${type}: ${(error as Error).message}`);
      const reflector = `k8s.io/client-go@${library.version}/tools/cache/reflector.go:${library.line}`;
      const line = `E${time} ${String(process.pid).padStart(7)} reflector.go:${library.log}] "Failed to watch" err=${err} logger="UnhandledError" reflector="${reflector}" type="${type}"\n`;
      process.stderr.write(line).catch(() => {});
    },
  });
}
