import type { Loose } from '../../../../kubernetes/object.ts';
import type { RunningContainer } from '../images/container.ts';
import type { StartedProcess } from '../images/image.ts';
import type { CpuMeter } from '../usage/cpu-meter.ts';
import type { ContainerLog } from './container-log.ts';
import type { BackOff } from './stages/timings.ts';

interface Terminated {
  exitCode: number;
  reason: string;
  message?: string;
  startedAt: string;
  finishedAt: string;
  containerID: string;
}

type ContainerState =
  | { waiting: { reason: string; message?: string } }
  | { running: { startedAt: string } }
  | { terminated: Terminated };

export type Role = 'init' | 'sidecar' | 'main' | 'ephemeral';

/** A container that was created: its program, its files, its log. */
export interface Instance {
  id: string;
  container: RunningContainer;
  cpu: CpuMeter;
  process?: StartedProcess;
  log: ContainerLog;
  /** By the clock that only grows. */
  startedAt: number;
  startedDate: string;
  /** Resolves when the main process is over and its end is recorded. */
  ended: Promise<void>;
  /** Set while the kubelet ends it. */
  stopping?: Promise<void>;
  attached: Set<Attachment>;
  stdin?: StdinSource;
  /** Of the pod's spec, for `$(NAME)` in its command. */
  environment: Record<string, string>;
  /** Tells the terminal's new size, where there is one. */
  resize?: (columns: number, rows: number) => void;
}

/** Someone who watches a running container's output. */
interface Attachment {
  write(stream: 'stdout' | 'stderr', data: Uint8Array): void | Promise<void>;
  end(): void;
}

/** Standard input of a container with `stdin: true`, fed by whoever attaches. */
export interface StdinSource extends AsyncIterable<Uint8Array> {
  push(data: Uint8Array): void;
  /** Tells whether the container sees an end. */
  end(): boolean;
}

/** All the kubelet knows of one container of a pod. */
export interface ContainerRecord {
  readonly name: string;
  spec: Loose;
  readonly role: Role;
  state: ContainerState;
  last?: Terminated;
  restartCount: number;
  containerID?: string;
  image: string;
  imageID: string;
  started: boolean;
  ready: boolean;
  /** A start is under way. */
  busy: boolean;
  /** When the last instance ended, by the clock that only grows. */
  endedAt: number;
  instance?: Instance;
  log?: ContainerLog;
  previousLog?: ContainerLog;
  restarts?: BackOff;
  pulls?: BackOff & { error: string };
  /** Not before this moment, by the clock that only grows. */
  notBefore: number;
}

/** `spec.containers{web}`, the field an event is about. */
export function fieldPath(record: ContainerRecord): string {
  const list = {
    main: 'containers',
    init: 'initContainers',
    sidecar: 'initContainers',
    ephemeral: 'ephemeralContainers',
  };
  return `spec.${list[record.role]}{${record.name}}`;
}

export function isSidecar(spec: Loose): boolean {
  return spec.restartPolicy === 'Always';
}

export function newRecord(spec: Loose, role: Role, waiting: string): ContainerRecord {
  return {
    name: spec.name,
    spec,
    role,
    state: { waiting: { reason: waiting } },
    restartCount: 0,
    image: spec.image,
    imageID: '',
    started: false,
    ready: false,
    busy: false,
    endedAt: 0,
    notBefore: 0,
  };
}
