import { describe, expect, it } from 'vitest';
import { decodeProtobuf } from '../../../../../../sandbox/embedded/control-plane/schema/protobuf.ts';

/** One field: number, then a text, a message, or a varint. */
function field(number: number, value: string | number | Uint8Array): Uint8Array {
  if (typeof value === 'number') return Uint8Array.from([number << 3, ...varint(value)]);
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return Uint8Array.from([...varint((number << 3) | 2), ...varint(bytes.length), ...bytes]);
}
function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest > 127) {
    out.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...out, rest];
}
const message = (...fields: Uint8Array[]) => Uint8Array.from(fields.flatMap((each) => [...each]));
const body = (apiVersion: string, kind: string, object: Uint8Array) =>
  message(
    Uint8Array.from([0x6b, 0x38, 0x73, 0]),
    field(1, message(field(1, apiVersion), field(2, kind))),
    field(2, object),
    field(3, ''),
    field(4, ''),
  );

describe('protobuf bodies', () => {
  it('keep zeroes of pointers and drop those of plain fields', () => {
    const probe = message(
      field(1, message(field(2, message(field(1, '/'), field(2, message(field(1, 0), field(2, 8080), field(3, ''))))))),
      field(2, 0),
    );
    const container = message(field(1, 'web'), field(2, 'nginx'), field(5, ''), field(10, probe));
    const spec = message(
      field(1, 0),
      field(3, message(field(1, message(field(8, message()))), field(2, message(field(2, container))))),
      field(5, 0),
    );
    expect(
      decodeProtobuf(
        body('apps/v1', 'Deployment', message(field(1, message(field(1, 'd'), field(3, ''))), field(2, spec))),
      ),
    ).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: {
        replicas: 0,
        template: {
          metadata: {},
          spec: {
            containers: [{ name: 'web', image: 'nginx', livenessProbe: { httpGet: { path: '/', port: 8080 } } }],
          },
        },
      },
    });
  });
  it('read maps, bytes, times and quantities', () => {
    const secret = message(
      field(2, message(field(1, 'k'), field(2, 'hello'))),
      field(3, 'Opaque'),
      field(1, message(field(8, message(field(1, 1_700_000_000))))),
    );
    expect(decodeProtobuf(body('v1', 'Secret', secret))).toMatchObject({
      data: { k: 'aGVsbG8=' },
      type: 'Opaque',
      metadata: { creationTimestamp: '2023-11-14T22:13:20Z' },
    });
    const quota = message(field(2, message(field(1, message(field(1, 'pods'), field(2, message(field(1, '4'))))))));
    expect(decodeProtobuf(body('v1', 'ResourceQuota', quota)).spec).toEqual({ hard: { pods: '4' } });
  });
  it('read options of any group, and refuse what is not protobuf', () => {
    expect(decodeProtobuf(body('apps/v1', 'DeleteOptions', message(field(4, 'Background'))))).toMatchObject({
      propagationPolicy: 'Background',
    });
    expect(() => decodeProtobuf(new TextEncoder().encode('{}'))).toThrow('does not appear to be a protobuf message');
    expect(() => decodeProtobuf(body('x/v1', 'NoSuch', message()))).toThrow(
      'no kind "NoSuch" is registered for version "x/v1"',
    );
  });
});
