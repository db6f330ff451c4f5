import { describe, expect, it } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import { pickSolver } from '../../../../../../../sandbox/embedded/node/images/cert-manager-controller/acme/pick-solver.ts';
import {
  formatDuration,
  parseDuration,
} from '../../../../../../../sandbox/embedded/node/images/cert-manager-controller/durations.ts';
import { specFromAnnotations } from '../../../../../../../sandbox/embedded/node/images/cert-manager-controller/shim/annotations.ts';
import {
  nameByHash,
  nameOfRevision,
} from '../../../../../../../sandbox/embedded/node/images/cert-manager-controller/short-names.ts';

describe('durations', () => {
  it.each([
    ['2160h', '2160h0m0s'],
    ['1h30m', '1h30m0s'],
    ['90s', '1m30s'],
    ['1.5s', '1.5s'],
    ['250ms', '250ms'],
    ['0', '0s'],
    ['-2m', '-2m0s'],
  ])('%s is %s', (text, told) => expect(formatDuration(parseDuration(text))).toBe(told));

  it.each([
    ['3d', 'time: unknown unit "d" in duration "3d"'],
    ['5', 'time: missing unit in duration "5"'],
    ['', 'time: invalid duration ""'],
    ['soon', 'time: invalid duration "soon"'],
  ])('%s is none', (text, message) => expect(() => parseDuration(text)).toThrow(message));
});

describe('names', () => {
  it('are hashed as FNV-1 has it', () => {
    expect(nameByHash('web-1', '')).toBe('web-1-2166136261');
    expect(nameByHash('web-1', 'a')).toBe('web-1-84696446');
  });

  it('are cut where they are too long, and stay different', () => {
    expect(nameByHash('a'.repeat(60), 'a')).toBe(`${'a'.repeat(52)}-84696446`);
    expect(nameOfRevision('web', 3)).toBe('web-3');
    const [one, other] = [nameOfRevision(`${'x'.repeat(240)}1`, 1), nameOfRevision(`${'x'.repeat(240)}2`, 1)];
    expect(one.length).toBeLessThan(254);
    expect(one).not.toBe(other);
  });
});

describe('the solver that is picked', () => {
  const both = [{ type: 'http-01' }, { type: 'dns-01' }];
  const order = { metadata: { labels: { team: 'a' } } } as unknown as KubeObject;
  const http = (selector?: Loose): Loose => ({ http01: {}, ...(selector && { selector }) });
  const dns = (selector?: Loose): Loose => ({ dns01: {}, ...(selector && { selector }) });
  const pick = (name: string, solvers: Loose[], challenges = both): Loose =>
    pickSolver(name, challenges, solvers, order)?.solver;

  it('is the first without a selector', () => expect(pick('a.test', [http(), dns()])).toEqual(http()));
  it('is the one for the name, before the one for the zone, before the one for labels', () => {
    const [labels, zone, name] = [
      dns({ matchLabels: { team: 'a' } }),
      dns({ dnsZones: ['test'] }),
      http({ dnsNames: ['a.test'] }),
    ];
    expect(pick('a.test', [http(), labels, zone, name])).toBe(name);
    expect(pick('b.test', [http(), labels, zone, name])).toBe(zone);
    expect(pick('b.else', [http(), labels, zone, name])).toBe(labels);
  });
  it('is the one with the longest zone', () => {
    const [short, long] = [dns({ dnsZones: ['test'] }), dns({ dnsZones: ['a.test'] })];
    expect(pick('x.a.test', [short, long])).toBe(long);
    expect(pick('*.a.test', [short, long])).toBe(long);
  });
  it('is none that does not fit, or that the server does not offer', () => {
    expect(pick('a.test', [http({ matchLabels: { team: 'b' } }), dns({ dnsNames: ['b.test'] })])).toBeUndefined();
    expect(pick('*.a.test', [http()], [{ type: 'dns-01' }])).toBeUndefined();
  });
});

describe('annotations that cannot be read', () => {
  it.each([
    ['duration', '3d', 'time: unknown unit "d" in duration "3d"'],
    ['revision-history-limit', '0', 'revision history limit must be a positive number "0"'],
    ['revision-history-limit', 'x', 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['private-key-algorithm', 'DSA', 'invalid private key algorithm "DSA"'],
    ['private-key-size', '1024', 'invalid private key size for RSA algorithm "1024"'],
    ['private-key-rotation-policy', 'Sometimes', 'invalid private key rotation policy "Sometimes"'],
    ['usages', 'flying', 'invalid key usage name "flying"'],
  ])('%s: %s', (name, value, message) => {
    const annotation = `cert-manager.io/${name}`;
    expect(() => specFromAnnotations({}, { [annotation]: value })).toThrow(
      `invalid ingress annotation "${annotation}": ${message}`,
    );
  });
});
