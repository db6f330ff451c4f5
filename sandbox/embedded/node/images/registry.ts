import { createHash } from 'node:crypto';
import { acme } from './acme/image.ts';
import { acmesolver } from './acmesolver/image.ts';
import { admission } from './admission/image.ts';
import { alpine, busybox, debian } from './busybox/image.ts';
import { certManagerCainjector } from './cert-manager-cainjector/image.ts';
import { certManagerController } from './cert-manager-controller/image.ts';
import { certManagerStartupapicheck } from './cert-manager-startupapicheck/image.ts';
import { certManagerWebhook } from './cert-manager-webhook/image.ts';
import { certbotImage } from './certbot/image.ts';
import { externalDns } from './external-dns/image.ts';
import { createGenericImage } from './generic/image.ts';
import type { Image } from './image.ts';
import { frozenJupyter, jupyter, onyxiaJupyter } from './jupyter/image.ts';
import { kubectlImage } from './kubectl/image.ts';
import { misbehaving } from './misbehave/image.ts';
import { nginx } from './nginx/image.ts';
import { isOneSlip, parseReference, type Reference } from './reference.ts';
import { curl, helloWorld, pause, whoami } from './small/images.ts';
import { stressImages } from './stress/image.ts';
import { traefikImage } from './traefik/image.ts';
import { loadImages, utilities } from './utilities/image.ts';

export interface ResolvedImage {
  image: Image;
  /** `docker.io/library/nginx:1.27`. */
  canonicalReference: string;
  /** `docker.io/library/nginx@sha256:…`, the container status's imageID. */
  imageId: string;
  digest: string;
  /** Nobody plays this image: the container says that it is simulated. */
  generic: boolean;
  /** Bytes, as the `Pulled` event tells. */
  size: number;
}

export interface PullFailure {
  /** As the container runtime words it, `rpc error: …` included; for an invalid name, what follows `Failed to apply default image tag "…": `. */
  pullError: string;
  /** The name is no reference at all: the container waits with InvalidImageName. */
  invalid: boolean;
}

const PLAYED: Image[] = [
  kubectlImage,
  utilities,
  ...loadImages,
  ...stressImages,
  misbehaving,
  busybox,
  alpine,
  debian,
  nginx,
  jupyter,
  onyxiaJupyter,
  frozenJupyter,
  pause,
  curl,
  helloWorld,
  whoami,
  admission,
  certManagerController,
  acme,
  certManagerWebhook,
  certManagerCainjector,
  certManagerStartupapicheck,
  traefikImage,
  externalDns,
  acmesolver,
  certbotImage,
];

/** Names that exist and that nobody plays: a slip off them cannot be pulled, either. */
const KNOWN = ['httpd', 'redis', 'postgres', 'mysql', 'mariadb', 'mongo', 'node', 'python', 'rabbitmq', 'memcached'];

/** Pulls nothing: finds who plays an image, or says why it could not be pulled. */
export function resolveImage(text: string): ResolvedImage | PullFailure {
  const reference = parseReference(text);
  if (typeof reference === 'string')
    return { pullError: `couldn't parse image name "${text}": ${reference}`, invalid: true };
  const played = PLAYED.find((image) => image.match.test(reference.short));
  if (played && !reference.digest && !played.tags.test(reference.tag)) return failure(reference, 'tag');
  if (!played && isSlip(reference.short)) return failure(reference, 'repository');
  const unreachable = played ? undefined : hostFailure(reference);
  if (unreachable) return unreachable;
  const digest = reference.digest ?? `sha256:${createHash('sha256').update(reference.canonical).digest('hex')}`;
  return {
    image: played ?? createGenericImage(reference.canonical),
    canonicalReference: reference.canonical,
    imageId: `${reference.host}/${reference.path}@${digest}`,
    digest,
    generic: !played,
    size: 2_000_000 + (Number.parseInt(digest.slice(7, 13), 16) % 90_000_000),
  };
}

function isSlip(name: string): boolean {
  const names = [...KNOWN, ...PLAYED.flatMap((image) => image.names)];
  return !names.includes(name) && names.some((known) => isOneSlip(name, known));
}

function failure(reference: Reference, missing: 'tag' | 'repository'): PullFailure {
  const { canonical, host, path, tag } = reference;
  const head = `failed to pull and unpack image "${canonical}": failed to resolve reference "${canonical}": `;
  const say = (code: string, why: string) => ({
    pullError: `rpc error: code = ${code} desc = ${head}${why}`,
    invalid: false,
  });
  if (missing === 'tag' || host === 'registry.k8s.io') return say('NotFound', `${canonical}: not found`);
  if (host === 'docker.io') {
    return say(
      'Unknown',
      'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    );
  }
  return say(
    'Unknown',
    `unexpected status from HEAD request to https://${host}/v2/${path}/manifests/${tag}: 401 UNAUTHORIZED`,
  );
}

/** Hosts that cannot answer: names reserved for being wrong (RFC 2606), and the node itself. */
function hostFailure({ canonical, host, path, tag }: Reference): PullFailure | undefined {
  const isLocal = /^(localhost|127\.)/.test(host);
  if (!isLocal && !/\.(invalid|test|example)(:\d+)?$/.test(host)) return undefined;
  const why = isLocal
    ? `dial tcp ${host.includes(':') ? host.replace('localhost', '127.0.0.1') : '127.0.0.1:80'}: connect: connection refused`
    : `dial tcp: lookup ${host.replace(/:\d+$/, '')}: no such host`;
  const url = `${isLocal ? 'http' : 'https'}://${host}/v2/${path}/manifests/${tag}`;
  return {
    pullError: `rpc error: code = Unknown desc = failed to pull and unpack image "${canonical}": failed to resolve reference "${canonical}": failed to do request: Head "${url}": ${why}`,
    invalid: false,
  };
}
