import type { Call } from './call.ts';
import type { Reply } from './reply.ts';
import { contentOf } from './reply.ts';

/** https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition — undefined for other paths. */
export function openApi(call: Call, path: string): Reply | undefined {
  if (path === '/openapi/v2')
    return { code: 200, raw: '', contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' };
  if (path === '/openapi/v3') return { code: 200, content: contentOf({ paths: index(call) }) };
  return undefined;
}

function index(_call: Call): Record<string, { serverRelativeURL: string }> {
  return {};
}
