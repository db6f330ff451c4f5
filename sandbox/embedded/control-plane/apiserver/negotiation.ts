import { noRepresentation, notAcceptable } from './errors.ts';

/** Of `meta.k8s.io`. */
export type FormVersion = 'v1' | 'v1beta1';

/** The form of the answer. */
export interface Negotiated {
  format: 'json' | 'yaml';
  /** Instead of the object itself. */
  as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | 'APIGroupDiscoveryList';
  /** Of tables and metadata alone; absent: v1. */
  version?: FormVersion;
}

const forms = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'];
const acceptable = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const streamable = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];

/**
 * Throws 406 when nothing of what the client takes can be made; JSON is what every client takes.
 * `streams`: the answer may be a watch's.
 */
export function negotiate(accept: string | undefined, streams: boolean): Negotiated {
  if (!accept || accept === 'application/json' || accept === '*/*') return { format: 'json' };
  let understood = false;
  for (const clause of accept.split(',')) {
    const [media = '', ...rest] = clause.split(';').map((part) => part.trim());
    const format = formatOf(media);
    if (!format) continue;
    understood = true;
    const parameters = new Map(rest.map((part) => part.split('=', 2) as [string, string]));
    const as = parameters.get('as');
    if (as === undefined) return { format };
    const version = parameters.get('v');
    if (as === 'APIGroupDiscoveryList') {
      if (version === 'v2') return { format, as };
    } else if (forms.includes(as) && (version === 'v1' || version === 'v1beta1'))
      return { format, as: as as NonNullable<Negotiated['as']>, version };
  }
  throw understood
    ? notAcceptable(acceptable)
    : noRepresentation(streams ? [...acceptable, ...streamable] : acceptable);
}

function formatOf(media: string): Negotiated['format'] | undefined {
  if (media === 'application/json' || media === '*/*') return 'json';
  if (media === 'application/yaml') return 'yaml';
  // kubectl asks for OpenAPI v2 so; that answer has a type of its own.
  if (media === 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf') return 'json';
  return undefined;
}
