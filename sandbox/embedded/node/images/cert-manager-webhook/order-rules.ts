import { isDeepStrictEqual } from 'node:util';
import type { Loose } from '../../../../../kubernetes/object.ts';
import { forbidden } from './field-errors.ts';

const immutable = (path: string): string => forbidden(path, 'field is immutable once set');

/** What an ACME server has said of an Order does not change. */
export function orderUpdateFaults(before: Loose, now: Loose): string[] {
  const faults: string[] = [];
  if (before.spec?.request && before.spec.request !== now.spec?.request) faults.push(immutable('spec.request'));
  const [old = {}, next = {}] = [before.status, now.status];
  for (const field of ['url', 'finalizeURL', 'certificate'])
    if (old[field] && old[field] !== next[field]) faults.push(immutable(`status.${field}`));
  const authorizations: Loose[] = old.authorizations ?? [];
  if (authorizations.length === 0) return faults;
  const path = 'status.authorizations';
  if (authorizations.length !== (next.authorizations ?? []).length) return [...faults, immutable(path)];
  for (const [at, one] of authorizations.entries()) {
    const own = `${path}[${at}]`;
    const other = next.authorizations[at];
    for (const field of ['url', 'identifier', 'wildcard', 'initialState'])
      if (one[field] !== undefined && one[field] !== '' && one[field] !== other[field])
        faults.push(immutable(`${own}.${field}`));
    const challenges: Loose[] = one.challenges ?? [];
    // An authorization comes as a URL first, and is filled in once it has been fetched.
    if (challenges.length === 0) continue;
    if (challenges.length !== (other.challenges ?? []).length) faults.push(immutable(`${own}.challenges`));
    else
      for (const [index, challenge] of challenges.entries())
        for (const field of ['url', 'type', 'token'])
          if (challenge[field] && challenge[field] !== other.challenges[index][field])
            faults.push(immutable(`${own}.challenges[${index}].${field}`));
  }
  return faults;
}

export const challengeUpdateFaults = (before: Loose, now: Loose): string[] =>
  isDeepStrictEqual(before.spec, now.spec) ? [] : [forbidden('spec', 'challenge spec is immutable after creation')];
