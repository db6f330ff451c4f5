import { noRepresentation, notAcceptable } from './errors.ts';

/** The form of the answer. */
export interface Negotiated {
  format: 'json' | 'yaml';
  /** Instead of the object itself. */
  as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | 'APIGroupDiscoveryList';
}

const known = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList', 'APIGroupDiscoveryList'];
const acceptable = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** Throws 406 when nothing of what the client takes can be made; JSON is what every client takes. */
export function negotiate(accept: string | undefined): Negotiated {
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
    if (as === 'APIGroupDiscoveryList' ? version !== 'v2' : version !== 'v1') continue;
    if (known.includes(as)) return { format, as: as as NonNullable<Negotiated['as']> };
  }
  throw understood ? notAcceptable(acceptable) : noRepresentation(acceptable);
}

function formatOf(media: string): Negotiated['format'] | undefined {
  if (media === 'application/json' || media === '*/*') return 'json';
  if (media === 'application/yaml') return 'yaml';
  // kubectl asks for OpenAPI v2 so; that answer has a type of its own.
  if (media === 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf') return 'json';
  return undefined;
}
