import type { Gvr, KubeObject } from '../../../../../../kubernetes/object.ts';
import type { Client } from '../../../../client/client.ts';
import { createInformer, type Informer } from '../../../../client/informer.ts';
import type { ContainerProcess } from '../../image.ts';
import type { Endpoint, Property } from '../endpoint.ts';
import { type Flags, milliseconds } from '../flags.ts';
import { Fatal, type Log } from '../log.ts';

/** Where wanted records come from. */
export interface Source {
  endpoints(): Promise<Endpoint[]>;
  /** Calls back at each change. */
  watch(changed: () => void): void;
}

export interface SourceContext {
  process: ContainerProcess;
  flags: Flags;
  log: Log;
  client: Client;
  signal: AbortSignal;
}

/** How long a first list is waited for. */
const patience = 60_000;

/** Copies of a resource, complete. Throws after a minute, as client-go's informers do without the right to list. */
export async function listed(context: SourceContext, resource: Gvr, goType: string): Promise<Informer> {
  const { process, client, flags, signal } = context;
  const { clock } = process.container;
  const namespace = resource.resource === 'nodes' ? '' : flags.text('namespace');
  const informer = createInformer({ client, resource, clock, signal, ...(namespace && { namespace }) });
  const late = new Promise<never>((_, reject) => {
    const timer = clock.after(patience, () =>
      reject(new Fatal(`failed to sync ${goType}: context deadline exceeded with timeout 1m0s`)),
    );
    informer.synced.then(() => timer.cancel());
  });
  await Promise.race([informer.synced, late]);
  return informer;
}

const controllerValue = 'dns-controller';

/** What annotations say. https://kubernetes-sigs.github.io/external-dns/v0.20.0/docs/annotations/annotations/ */
export function createAnnotations(prefix: string, log: Log) {
  const of = ({ metadata }: KubeObject, key: string): string | undefined => metadata.annotations?.[prefix + key];
  const words = (text: string | undefined): string[] => (text === undefined ? [] : text.replaceAll(' ', '').split(','));
  return {
    of,
    /** Whether the object is left to another controller. */
    isForeign(object: KubeObject, kind: string): boolean {
      const found = of(object, 'controller');
      if (found === undefined || found === controllerValue) return false;
      log.debug(
        `Skipping ${kind} ${object.metadata.namespace}/${object.metadata.name} because controller value does not match, found: ${found}, required: ${controllerValue}`,
      );
      return true;
    },
    hostnames: (object: KubeObject, key: 'hostname' | 'internal-hostname'): string[] => words(of(object, key)),
    targets: (object: KubeObject): string[] =>
      of(object, 'target') ? words(of(object, 'target')).map((target) => target.replace(/\.$/, '')) : [],
    ttl(object: KubeObject, resource: string): number {
      const text = of(object, 'ttl');
      if (text === undefined) return 0;
      let seconds: number;
      try {
        seconds = /^[+-]?\d+$/.test(text) ? Number(text) : Math.trunc(milliseconds(text) / 1000);
      } catch (error) {
        log.warn(`${resource}: ${JSON.stringify(text)} is not a valid TTL value: ${(error as Error).message}`);
        return 0;
      }
      if (seconds >= 1 && seconds <= 0x7fffffff) return seconds;
      // The real one prints the number as the character it is the code of.
      log.warn(`TTL value ${goCharacter(seconds)} must be between [1, 2147483647]`);
      return 0;
    },
    provider(object: KubeObject): { providerSpecific: Property[]; setIdentifier: string } {
      const providerSpecific: Property[] = of(object, 'alias') === 'true' ? [{ name: 'alias', value: 'true' }] : [];
      for (const [key, value] of Object.entries(object.metadata.annotations ?? {})) {
        const attribute = key.startsWith(prefix)
          ? /^(aws|scw|webhook|coredns)-(.*)$/.exec(key.slice(prefix.length))
          : null;
        if (attribute) providerSpecific.push({ name: `${attribute[1]}/${attribute[2]}`, value });
      }
      return { providerSpecific, setIdentifier: of(object, 'set-identifier') ?? '' };
    },
  };
}

/** Go's `%q` of a number. */
function goCharacter(code: number): string {
  if (code < 0 || code > 0x10ffff) return "'\uFFFD'";
  if (code === 0) return "'\\x00'";
  return `'${String.fromCodePoint(code)}'`;
}

/** A template such as `{{.Name}}.example.org`, filled in. */
export function templated(template: string, { metadata }: KubeObject): string[] {
  return template
    .split(',')
    .map((one) =>
      one
        .trim()
        .replace(/\{\{\s*\.Name\s*\}\}/g, metadata.name ?? '')
        .replace(/\{\{\s*\.Namespace\s*\}\}/g, metadata.namespace ?? '')
        .replace(/\.$/, ''),
    )
    .filter(Boolean);
}
