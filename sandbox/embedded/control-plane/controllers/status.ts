import { isDeepStrictEqual } from 'node:util';
import type { Gvr, KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { isNotFound } from './context.ts';

/** Writes a status that has changed, and lets the shared copy know; answers the object as it is then, undefined when it is gone. */
export async function writeStatus(
  client: Client,
  informer: Informer,
  resource: Gvr,
  object: KubeObject,
  status: Loose,
): Promise<KubeObject | undefined> {
  if (isDeepStrictEqual(status, object.status)) return object;
  try {
    const now = await client.update(resource, { ...object, status }, 'status');
    informer.observe(now);
    return now;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
