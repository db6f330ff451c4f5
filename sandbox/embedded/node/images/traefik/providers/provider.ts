import type { Client } from '../../../../client/client.ts';
import type { ContainerProcess } from '../../image.ts';
import type { Options } from '../configuration/options.ts';
import type { EntryPoint } from '../configuration/static.ts';
import type { Dynamic } from '../dynamic.ts';
import type { Log } from '../log.ts';
import type { Watches } from './watches.ts';

/** Somebody who knows routes, and tells them anew whenever they change. */
export interface Provider {
  /** What names are qualified by: `web@kubernetes`. */
  name: string;
  /** As the log calls it: `*ingress.Provider`. */
  title: string;
  /** Throws where it cannot begin at all. */
  start(tell: (dynamic: Dynamic) => void): void;
}

export interface ProviderContext {
  process: ContainerProcess;
  options: Options;
  entryPoints: EntryPoint[];
  log: Log;
  /** Throw in client-go's words where the pod has no ServiceAccount. */
  client(): Client;
  watches(): Watches;
}
