import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadResources } from '../../../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { validateMetadata } from '../../../../../../sandbox/embedded/control-plane/apiserver/metadata.ts';
import { strategyOf } from '../../../../../../sandbox/embedded/control-plane/resources/registry.ts';
import type { StrategyContext } from '../../../../../../sandbox/embedded/control-plane/resources/strategy.ts';
import { decode } from '../../../../../../sandbox/embedded/control-plane/schema/decode.ts';
import { applyDefaults } from '../../../../../../sandbox/embedded/control-plane/schema/defaults.ts';
import { shapeOfKind } from '../../../../../../sandbox/embedded/control-plane/schema/shape.ts';

/** Objects sent to a real Kubernetes 1.35.4 (`dryRun=All`), with the faults it listed or what it would have stored. */
const answers = readFileSync(new URL('real-answers.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line): Loose => JSON.parse(line));

const kinds = new Map(
  loadResources().map((fact) => [`${fact.group ? `${fact.group}/` : ''}${fact.version}/${fact.kind}`, fact]),
);

function context(): StrategyContext {
  return {
    now: new Date(0),
    lookup: () => undefined,
    allocate(kind, wanted) {
      if (kind === 'clusterIP' && wanted && !String(wanted).startsWith('10.96.'))
        throw new Error(
          `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is 10.96.0.0/16`,
        );
      return wanted ?? (kind === 'clusterIP' ? '10.96.0.9' : 30_009);
    },
  };
}

/** What chance decides is made the same. */
function settled(value: Loose): Loose {
  const text = JSON.stringify(value)
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replaceAll(/"10\.96\.\d+\.\d+"/g, '"IP"')
    .replaceAll(/"\d{4}-\d\d-\d\dT[\d:]+Z"/g, '"TIME"')
    .replaceAll(/("nodePort":)\d+/g, '$1"PORT"');
  return JSON.parse(text);
}

const title = ({ sent }: Loose): string => {
  const { apiVersion: _, kind, metadata, ...rest } = sent;
  return `${kind} ${JSON.stringify({ ...(Object.keys(metadata).length > 1 || metadata.name !== 'zz' ? { metadata } : {}), ...rest }).slice(0, 160)}`;
};

function take(sent: Loose) {
  const fact = kinds.get(`${sent.apiVersion}/${sent.kind}`)!;
  const strategy = strategyOf(fact.group, fact.resource);
  const shape = shapeOfKind(fact.group, fact.version, fact.kind)!;
  const object = decode(sent, shape).value;
  if (fact.namespaced) object.metadata.namespace = 'schema';
  object.metadata.uid = '00000000-0000-0000-0000-000000000000';
  applyDefaults(object, shape);
  const services = context();
  strategy.prepareForCreate?.(object, services);
  const named = validateMetadata({ strategy } as Loose, object);
  return { object, strategy, faults: [...named, ...(strategy.validate?.(object, services) ?? [])] };
}

describe('as on a real cluster', () => {
  const refused = answers.filter(({ faults }) => faults);
  it.each(refused.map((answer) => [title(answer), answer]))('%s is refused', (_, { sent, faults }) => {
    const found = take(sent).faults.map(({ field, message }) => `${field}: ${message}`);
    expect(settled(found.sort())).toEqual(settled(faults));
  });

  const stored = answers.filter((answer) => answer.stored);
  it.each(stored.map((answer) => [title(answer), answer]))('%s is stored', (_, answer) => {
    const { object, strategy, faults } = take(answer.sent);
    expect(faults).toEqual([]);
    const { metadata: _metadata, ...rest } = object;
    expect(settled(rest)).toEqual(settled(answer.stored));
    expect(strategy.warnings?.(object) ?? []).toEqual(answer.warnings ?? []);
  });
});
