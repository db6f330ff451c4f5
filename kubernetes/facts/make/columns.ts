import type { ColumnFact, ResourceFact } from '../../facts.ts';
import type { Get } from './server.ts';

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';

/** The Table columns of every resource that can be listed, by `group/version/resource`. */
export async function makeColumns(get: Get, resources: ResourceFact[]): Promise<Record<string, ColumnFact[]>> {
  const columns: Record<string, ColumnFact[]> = {};
  for (const { group, version, resource, verbs } of resources) {
    if (!verbs.includes('list')) continue;
    const path = group ? `/apis/${group}/${version}/${resource}` : `/api/${version}/${resource}`;
    const answer = await get(`${path}?limit=1`, table);
    columns[`${group}/${version}/${resource}`] = answer.columnDefinitions.map(
      ({ name, type, format, priority }: ColumnFact) => ({ name, type, format, priority }),
    );
  }
  return columns;
}
