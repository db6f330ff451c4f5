import { describe, expect, it } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { decode } from '../../../../../../sandbox/embedded/control-plane/schema/decode.ts';
import { applyDefaults, emptyObject } from '../../../../../../sandbox/embedded/control-plane/schema/defaults.ts';
import { duplicateFields, inOrder } from '../../../../../../sandbox/embedded/control-plane/schema/duplicates.ts';
import { shapeOfKind } from '../../../../../../sandbox/embedded/control-plane/schema/shape.ts';

const deployment = shapeOfKind('apps', 'v1', 'Deployment')!;
const configMap = shapeOfKind('', 'v1', 'ConfigMap')!;
const pods = (container: Loose) => ({ spec: { template: { spec: { containers: [container] } } } });

describe('wrong types, as the real server words them', () => {
  const at = (struct: string, path: string, type: string) =>
    `into Go struct field ${struct}.spec.template.spec.containers${path} of type ${type}`;
  it.each<[Loose, string]>([
    [{ env: [{ value: 3 }] }, `json: cannot unmarshal number ${at('EnvVar', '.env.value', 'string')}`],
    [{ env: 'x' }, `json: cannot unmarshal string ${at('Container', '.env', '[]v1.EnvVar')}`],
    [
      { resources: { limits: [] } },
      `json: cannot unmarshal array ${at('ResourceRequirements', '.resources.limits', 'v1.ResourceList')}`,
    ],
    [
      { ports: [{ containerPort: 80.5 }] },
      `json: cannot unmarshal number 80.5 ${at('ContainerPort', '.ports.containerPort', 'int32')}`,
    ],
    [
      { ports: [{ containerPort: 99999999999 }] },
      `json: cannot unmarshal number 99999999999 ${at('ContainerPort', '.ports.containerPort', 'int32')}`,
    ],
    [
      { ports: [{ protocol: 3 }] },
      `json: cannot unmarshal number ${at('ContainerPort', '.ports.protocol', 'v1.Protocol')}`,
    ],
    [{ command: 'sh' }, `json: cannot unmarshal string ${at('Container', '.command', '[]string')}`],
    [{ command: [1] }, `json: cannot unmarshal number ${at('Container', '.command', 'string')}`],
    [{ stdin: 'x' }, `json: cannot unmarshal string ${at('Container', '.stdin', 'bool')}`],
    [
      { livenessProbe: { httpGet: { port: true } } },
      `json: cannot unmarshal bool ${at('HTTPGetAction', '.livenessProbe.ProbeHandler.httpGet.port', 'int32')}`,
    ],
    [{ livenessProbe: 3 }, `json: cannot unmarshal number ${at('Container', '.livenessProbe', 'v1.Probe')}`],
    ['x', `json: cannot unmarshal string ${at('PodSpec', '', 'v1.Container')}`],
    [
      { resources: { limits: { cpu: {} } } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ])('%j', (container, error) => expect(decode(pods(container), deployment).error).toBe(error));

  it('in maps, metadata and times', () => {
    expect(decode({ data: { a: 1 } }, configMap).error).toBe(
      'json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    );
    expect(decode({ data: [] }, configMap).error).toBe(
      'json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string',
    );
    expect(decode({ metadata: 'x' }, configMap).error).toBe(
      'json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta',
    );
    expect(decode({ metadata: { creationTimestamp: 'yesterday' } }, configMap).error).toBe(
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    );
    const secret = shapeOfKind('', 'v1', 'Secret')!;
    expect(decode({ data: { a: 'not base64!' } }, secret).error).toBe('illegal base64 data at input byte 3');
    expect(decode({ data: { a: 'abc' } }, secret).error).toBe('illegal base64 data at input byte 0');
  });
});

describe('unknown and doubled fields', () => {
  it('are named by their paths', () => {
    const { unknown, value } = decode(pods({ name: 'c', imagee: 'x', ports: [{ foo: 1 }] }), deployment);
    expect(unknown).toEqual([
      'unknown field "spec.template.spec.containers[0].imagee"',
      'unknown field "spec.template.spec.containers[0].ports[0].foo"',
    ]);
    expect(value.spec.template.spec.containers).toEqual([{ name: 'c', ports: [{}] }]);
    expect(duplicateFields('{"a":{"b":1,"b":[{"c":"}\\"","c":2}]},"a":3}')).toEqual([
      'duplicate field "a.b"',
      'duplicate field "a.b[0].c"',
      'duplicate field "a"',
    ]);
    expect(duplicateFields('{"dat":1,"dat":2}', ['unknown field "dat"'])).toEqual([]);
    expect(inOrder('{"a":1,"a":2,"b":{"c":1,"c":2},"d":1,"d":2}', ['unknown field "b"'])).toEqual([
      'duplicate field "a"',
      'unknown field "b"',
      'duplicate field "d"',
    ]);
  });
});

describe('what is kept', () => {
  it('is what Go writes', () => {
    const sent = {
      spec: {
        replicas: 0,
        paused: false,
        minReadySeconds: 0,
        template: {
          metadata: { labels: {}, creationTimestamp: null },
          spec: {
            hostNetwork: false,
            nodeSelector: null,
            containers: [
              {
                name: 'a',
                image: '',
                args: [],
                resources: { limits: { cpu: 0.5, memory: '1024Mi' } },
                securityContext: {},
              },
            ],
          },
        },
      },
    };
    expect(decode(sent, deployment).value).toEqual({
      spec: {
        replicas: 0,
        template: {
          metadata: {},
          spec: {
            containers: [{ name: 'a', resources: { limits: { cpu: '500m', memory: '1Gi' } }, securityContext: {} }],
          },
        },
      },
    });
  });
  it('gets the values Go always writes', () => {
    const pod: Loose = {
      spec: { containers: [{ name: 'a' }] },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    };
    applyDefaults(pod, shapeOfKind('', 'v1', 'Pod')!);
    expect(pod.spec.containers).toEqual([{ name: 'a', resources: {} }]);
    expect(pod.status.conditions[0]).toEqual({
      type: 'Ready',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: null,
    });
    expect(emptyObject(deployment)).toEqual({
      metadata: {},
      spec: { strategy: {}, template: { metadata: {}, spec: { containers: null } } },
      status: {},
    });
  });
});
