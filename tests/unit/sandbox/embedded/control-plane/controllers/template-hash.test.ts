import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { dataHash, templateHash } from '../../../../../../sandbox/embedded/control-plane/controllers/template-hash.ts';

/** As a Kubernetes 1.35.4 named them. */
const real: { name: string; owner: string; template: Loose }[] = JSON.parse(
  readFileSync(new URL('hashes.json', import.meta.url), 'utf8'),
);

test.each(real)('$owner: $name', ({ name, owner, template }) => {
  const data = { spec: { template: { ...template, $patch: 'replace' } } };
  const code = owner === 'StatefulSet' ? dataHash(data, 0) : templateHash(template);
  expect(code).toBe(name.split('-').at(-1));
});

test('a collision gives another name, and so does the least change', () => {
  const { template } = real[0]!;
  const names = [templateHash(template), templateHash(template, 0), templateHash(template, 1)];
  names.push(templateHash({ ...template, metadata: { ...template.metadata, annotations: { a: '' } } }));
  expect(new Set(names).size).toBe(4);
});
