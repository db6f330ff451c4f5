import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Loose } from '../../../../../../../kubernetes/object.ts';
import { findings } from '../../../../../../../sandbox/embedded/control-plane/apiserver/admission/pod-security/admission.ts';
import {
  type Level,
  policyOf,
  shownPolicy,
} from '../../../../../../../sandbox/embedded/control-plane/apiserver/admission/pod-security/policy.ts';
import { deployments, namespaces, openTestCluster, pod, pods, type TestCluster } from '../../test-cluster.ts';

const latest = Number.POSITIVE_INFINITY;
const found = (level: Level, spec: Loose, minor = latest, annotations: Record<string, string> = {}): string[] =>
  findings({ level, minor }, { annotations, spec: { containers: [{ name: 'c' }], ...spec } }).map(
    ({ reason, detail }) => `${reason}: ${detail}`,
  );
const withSecurity = (securityContext: Loose): Loose => ({ containers: [{ name: 'c', securityContext }] });

describe('levels', () => {
  test('privileged allows all, restricted asks for what a plain container does not say', () => {
    expect(found('privileged', { hostNetwork: true })).toEqual([]);
    expect(found('baseline', {})).toEqual([]);
    expect(found('restricted', {})).toEqual([
      'allowPrivilegeEscalation != false: container "c" must set securityContext.allowPrivilegeEscalation=false',
      'unrestricted capabilities: container "c" must set securityContext.capabilities.drop=["ALL"]',
      'runAsNonRoot != true: pod or container "c" must set securityContext.runAsNonRoot=true',
      'seccompProfile: pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"',
    ]);
  });

  test.each<[string, Loose, string]>([
    [
      'procMount',
      withSecurity({ procMount: 'Unmasked' }),
      'procMount: container "c" must not set securityContext.procMount to "Unmasked"',
    ],
    [
      'hostProcess',
      { securityContext: { windowsOptions: { hostProcess: true } } },
      'hostProcess: pod must not set securityContext.windowsOptions.hostProcess=true',
    ],
    [
      'sysctls',
      { securityContext: { sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_rmem' }] } },
      'forbidden sysctls: kernel.msgmax',
    ],
    [
      'SELinux',
      withSecurity({ seLinuxOptions: { type: 'spc_t', role: 'r' } }),
      'seLinuxOptions: container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; role may not be set',
    ],
    [
      'hostPath',
      {
        volumes: [
          { name: 'a', hostPath: {} },
          { name: 'b', hostPath: {} },
        ],
      },
      'hostPath volumes: volumes "a", "b"',
    ],
  ])('baseline: %s', (_, spec, text) => {
    expect(found('baseline', spec)).toEqual([text]);
  });

  test('rules have versions, and relax for user namespaces and Windows', () => {
    expect(found('baseline', { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }] } }, 31)).toHaveLength(1);
    expect(found('baseline', { hostUsers: false, ...withSecurity({ procMount: 'Unmasked' }) })).toEqual([]);
    expect(found('restricted', { os: { name: 'windows' } })).toHaveLength(1);
    expect(found('restricted', {}, 7)).toHaveLength(1);
    expect(found('baseline', {}, 18, { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' })).toEqual([
      'seccompProfile: forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined"',
    ]);
  });

  test('labels: enforcing warns as well, wrong ones fail closed', () => {
    const at = (labels: Record<string, string>) =>
      policyOf(
        Object.fromEntries(Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value])),
      );
    const { policy } = at({ enforce: 'baseline', 'enforce-version': 'v1.30' });
    expect([policy.enforce, policy.warn, policy.audit].map(shownPolicy)).toEqual([
      'baseline:v1.30',
      'baseline:v1.30',
      'privileged:latest',
    ]);
    const wrong = at({ enforce: 'strict', warn: 'strict', 'audit-version': '1.35' });
    expect(shownPolicy(wrong.policy.enforce)).toBe('restricted:latest');
    expect(wrong.faults.map(({ message }) => message)).toEqual([
      'Invalid value: "strict": must be one of privileged, baseline, restricted',
      'Invalid value: "1.35": must be "latest" or "v1.x"',
      'Invalid value: "strict": must be one of privileged, baseline, restricted',
    ]);
  });
});

describe('in a namespace', () => {
  let setup: TestCluster;
  beforeAll(async () => {
    setup = await openTestCluster();
  });
  afterAll(() => setup.close());
  const label = (labels: Record<string, string>) =>
    setup.client.patch(namespaces, 'default', undefined, 'merge', { metadata: { labels } });

  test('pods are refused, what makes pods is let in, pods that are there stay', async () => {
    await setup.client.create(pods, pod('before', { hostNetwork: true }));
    await expect(label({ 'pod-security.kubernetes.io/enforce': 'strict' })).rejects.toMatchObject({
      status: {
        code: 422,
        message: expect.stringContaining(
          'Namespace "default" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]',
        ),
      },
    });
    await label({ 'pod-security.kubernetes.io/enforce': 'baseline' });
    await expect(setup.client.create(pods, pod('after', { hostNetwork: true }))).rejects.toMatchObject({
      status: {
        code: 403,
        message:
          'pods "after" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
      },
    });
    await setup.client.patch(pods, 'before', 'default', 'merge', { metadata: { labels: { still: 'here' } } });
    const patched = setup.client.patch(pods, 'before', 'default', 'strategic', {
      spec: { containers: [{ name: 'main', image: 'nginx:1.28' }] },
    });
    await expect(patched).rejects.toMatchObject({ status: { code: 403 } });
    const spec = {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { hostNetwork: true, containers: [{ name: 'web', image: 'nginx:1.27' }] },
      },
    };
    const made = await setup.client.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec,
    });
    expect(made.metadata.name).toBe('web');
  });
});
