/**
 * What is wrong with a field, as Kubernetes words it.
 * https://pkg.go.dev/k8s.io/apimachinery/pkg/util/validation/field#Error
 */
const detailed = (text: string, detail: string): string => (detail ? `${text}: ${detail}` : text);

export const required = (path: string, detail = ''): string => detailed(`${path}: Required value`, detail);

export const forbidden = (path: string, detail = ''): string => detailed(`${path}: Forbidden`, detail);

export const invalid = (path: string, value: unknown, detail: string): string =>
  detailed(`${path}: Invalid value: ${JSON.stringify(value)}`, detail);

export const notSupported = (path: string, value: unknown, supported: string[]): string =>
  `${path}: Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((one) => `"${one}"`).join(', ')}`;

export const tooLong = (path: string, bytes: number): string =>
  `${path}: Too long: may not be more than ${bytes} bytes`;

export const duplicate = (path: string, value: unknown): string => `${path}: Duplicate value: ${JSON.stringify(value)}`;

/** Several faults in one sentence, each once; undefined when there are none. */
export function aggregate(faults: string[]): string | undefined {
  const each = [...new Set(faults)];
  return each.length > 1 ? `[${each.join(', ')}]` : each[0];
}
