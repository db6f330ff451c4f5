import { isDeepStrictEqual } from 'node:util';
import type { Loose } from '../../../../kubernetes/object.ts';
import { forbidden, invalid } from '../schema/field-errors.ts';
import type { FieldError } from './strategy.ts';

/** What may become of the gates, and of a gated pod's choice of nodes: it gets narrower, never wider. https://kubernetes.io/docs/concepts/scheduling-eviction/pod-scheduling-readiness/#mutable-pod-scheduling-directives */
export function gateFaults(spec: Loose, old: Loose): FieldError[] {
  const before = new Set((old.schedulingGates ?? []).map((gate: Loose) => gate.name));
  const faults: FieldError[] = [];
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`;
    if (!before.has(name)) faults.push(forbidden(`spec.schedulingGates[${index}].name`, why));
  }
  if (before.size === 0) return faults;
  const wider = Object.entries(old.nodeSelector ?? {}).some(([key, value]) => spec.nodeSelector?.[key] !== value);
  if (wider) {
    const why = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
    faults.push(invalid('spec.nodeSelector', spec.nodeSelector, why));
  }
  return [...faults, ...affinityFaults(spec, old)];
}

const termsOf = (spec: Loose): Loose[] =>
  spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];

function affinityFaults(spec: Loose, old: Loose): FieldError[] {
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  const before = termsOf(old);
  const now = termsOf(spec);
  if (before.length === 0) return [];
  if (before.length !== now.length) {
    return [invalid(path, now, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')];
  }
  return before.flatMap((term, index) =>
    isNarrower(now[index]!, term)
      ? []
      : [invalid(`${path}[${index}]`, now[index], 'only additions are allowed (no mutations or deletions)')],
  );
}

function isNarrower(now: Loose, before: Loose): boolean {
  const lists = ['matchExpressions', 'matchFields'];
  const empty = (term: Loose) => lists.every((list) => !term[list]?.length);
  if (empty(before)) return empty(now);
  return lists.every((list) => {
    const held: Loose[] = before[list] ?? [];
    return isDeepStrictEqual((now[list] ?? []).slice(0, held.length), held);
  });
}

/** A gated pod's spec with its choice of nodes set back, for the comparison of all the rest. */
export function withChoiceOf(spec: Loose, old: Loose): Loose {
  if (!old.schedulingGates?.length) return spec;
  const { nodeSelector: _nodeSelector, affinity: _affinity, ...rest } = spec;
  const { nodeAffinity: _node, ...others } = spec.affinity ?? {};
  const affinity = { ...others, ...(old.affinity?.nodeAffinity && { nodeAffinity: old.affinity.nodeAffinity }) };
  return {
    ...rest,
    ...(old.nodeSelector && { nodeSelector: old.nodeSelector }),
    ...((old.affinity || Object.keys(affinity).length > 0) && { affinity }),
  };
}
