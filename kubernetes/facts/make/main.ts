import { writeFileSync } from 'node:fs';
import { makeColumns } from './columns.ts';
import { makeGoTypes } from './go-types.ts';
import { makeInternal } from './internal.ts';
import { makeMessages } from './protobuf.ts';
import { makeResources } from './resources.ts';
import { makeSchemas } from './schemas.ts';
import { connect } from './server.ts';

/** Makes kubernetes/facts/*.json anew: the same server and modules give the same bytes. */
const get = await connect();
const { gitVersion } = await get('/version');
const resources = await makeResources(get);
write('resources', resources);
write('schemas', await makeSchemas(get, resources));
write('columns', await makeColumns(get, resources));
write('protobuf', makeMessages(resources, gitVersion));
write('internal', makeInternal(gitVersion));
write('go-types', makeGoTypes(gitVersion));

/** One entry a line: a change of a fact is one line of a diff. */
function write(name: string, facts: object): void {
  const lines = Array.isArray(facts)
    ? facts.map((fact) => JSON.stringify(fact))
    : Object.entries(facts).map(([key, fact]) => `${JSON.stringify(key)}:${JSON.stringify(fact)}`);
  const [open, close] = Array.isArray(facts) ? ['[', ']'] : ['{', '}'];
  const text = `${open}\n${lines.join(',\n')}\n${close}\n`;
  writeFileSync(new URL(`../${name}.json`, import.meta.url), text);
  process.stderr.write(`kubernetes/facts/${name}.json: ${lines.length} entries, ${text.length} bytes\n`);
}
