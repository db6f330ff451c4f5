import path, { basename } from 'node:path';
import { openSandbox, type Sandbox, type Shell } from '../../sandbox/index.ts';
import type { Tools } from '../../sandbox/tools/tools.ts';
import { emptyProgress, isUntouched } from '../checks/progress.ts';
import type { LessonRun } from '../checks/run.ts';
import { createLessonRun } from '../checks/run.ts';
import type { SaidOutput } from '../checks/said.ts';
import { type WatchedCluster, watchCluster } from '../cluster/cluster.ts';
import { connect } from '../cluster/connection.ts';
import { createTerminal, type Terminal } from '../gateway/terminal.ts';
import { foundationOf } from '../lessons/foundation.ts';
import type { LessonFolder, TrackFolder } from '../lessons/load.ts';
import type { Variables } from '../lessons/variables.ts';
import { type ClusterPlace, portSuffix } from './cluster-place.ts';
import { type ControlAnswer, type ControlRequest, serveControl } from './control.ts';
import { type LearnerRecord, type LessonRecord, openRecord, type RecordStore } from './learner-record.ts';
import { type LaidFile, layFiles } from './lesson-files.ts';
import { probeFor } from './lesson-probe.ts';
import { replayLesson } from './replay.ts';
import { waitFor } from './wait.ts';

export interface SessionOptions {
  learner: string;
  directory: string;
  /** The project's folder, with `lessons` and `manifests`. */
  root: string;
  tracks: TrackFolder[];
  tools: Tools;
  /** The address of the teaching charts. */
  charts: string;
  kubeconfig: string;
  context?: string;
  ownCluster: boolean;
  /** Of the hosts of Ingresses. */
  domain: string;
  /** Where an embedded cluster meets the world, once known; and when it is. */
  place?: () => ClusterPlace | undefined;
  placed?: () => Promise<unknown>;
  /** PEM file of the workshop's own certificate authority. */
  authority?: string;
  onTrouble(error: Error): void;
}

/** Work the server does for the learner, as the page shows it. */
interface Activity {
  id: string;
  kind: 'catch-up' | 'reset';
  lesson: string;
  state: 'running' | 'done' | 'failed';
  line: string;
}

interface OpenLesson {
  key: string;
  run: LessonRun;
  /** What was laid in HOME just now. */
  files: LaidFile[];
  release(): void;
}

/** One learner at work: sandbox, shells, lessons under way and the record of what is done. */
export interface LearnerSession {
  readonly learner: string;
  readonly sandbox: Sandbox;
  readonly cluster: WatchedCluster;
  /** Resolves when the sandbox stands and the record is read; rejects with what the cluster refused. */
  readonly ready: Promise<void>;
  variables(): Variables & { namespace: string };
  record(): LearnerRecord;
  terminal(name: string, size: { columns: number; rows: number }): Promise<Terminal>;
  /** Rejects when there is no such lesson. Release it when nobody looks at it any more. */
  open(key: string): Promise<OpenLesson>;
  /** Runs the lessons before this one in the learner's sandbox. */
  catchUp(key: string): Promise<void>;
  /** Empties the sandbox, clears the lesson's ticks and catches up. */
  reset(key: string): Promise<void>;
  onActivity(listener: (activity: Activity) => void): () => void;
  close(): Promise<void>;
}

/** Milliseconds a lesson goes on being judged after the last page left it: a reload is no restart. */
const LINGER = 60_000;

/** The ACME server that embedded clusters bring; it is reached from inside of them alone. */
const WORKSHOP_ACME = {
  acme: 'https://acme.atelier-internet.svc.cluster.local',
  production: 'https://acme.atelier-internet.svc.cluster.local/production/directory',
  staging: 'https://acme.atelier-internet.svc.cluster.local/staging/directory',
};
/** https://letsencrypt.org/docs/staging-environment/ */
const LETS_ENCRYPT = {
  acme: 'https://acme-v02.api.letsencrypt.org',
  production: 'https://acme-v02.api.letsencrypt.org/directory',
  staging: 'https://acme-staging-v02.api.letsencrypt.org/directory',
};

interface Live {
  run: LessonRun;
  folder: LessonFolder;
  holders: number;
  timer?: NodeJS.Timeout;
}

export async function openSession(options: SessionOptions): Promise<LearnerSession> {
  const { learner } = options;
  const sandbox = await openSandbox({ ...options, proxy: () => options.place?.()?.proxy });
  const cluster = watchCluster({ connection: connect(sandbox.readerKubeconfig) });
  const lessons = new Map(
    options.tracks.flatMap((track) => track.lessons.map((lesson) => [lessonKey(lesson), lesson] as const)),
  );
  const live = new Map<string, Live>();
  const terminals = new Map<string, Promise<Terminal>>();
  const listeners = new Set<(activity: Activity) => void>();
  let store: RecordStore | undefined;
  let record: LearnerRecord = { lessons: {} };
  let busy: Promise<void> = Promise.resolve();

  const ready = (async () => {
    // Ports of addresses stand in lessons and in files laid from them: they are known before either is asked for.
    await Promise.all([sandbox.provision(), options.placed?.()]);
    store = await openRecord(options.kubeconfig, options.context, learner);
    record = await store.load();
  })();
  // Whoever needs it waits for it; nobody waiting is no crash.
  ready.catch(options.onTrouble);

  const variables = () => ({
    namespace: sandbox.namespace,
    learner,
    ...addresses(options.place?.()),
    charts: options.charts,
    context: 'sandbox',
  });

  /** The first lesson of a track that touches the cluster teaches where the kubeconfig goes. */
  const startsWithoutKubeconfig = (folder: LessonFolder) => foundationOf(folder, options.tracks).length === 0;

  function addresses(place: ClusterPlace | undefined): Variables & { domain: string } {
    return {
      domain: options.domain,
      port: portSuffix(place?.https, 443),
      httpport: portSuffix(place?.http, 80),
      ...(options.place ? WORKSHOP_ACME : LETS_ENCRYPT),
    };
  }

  function find(key: string): LessonFolder {
    const folder = lessons.get(key);
    if (!folder) throw new Error(`there is no lesson ${key}`);
    return folder;
  }

  function begin(key: string): Live {
    const folder = find(key);
    const run = createLessonRun({
      lesson: folder.lesson,
      variables: variables(),
      cluster,
      probe: probeFor({
        place: () => options.place?.(),
        domain: () => variables().domain,
        authorities: sandbox.authorities,
      }),
      progress: {
        load: () => ready.then(() => record.lessons[key]?.progress),
        save: async (progress) => {
          const total = folder.lesson.steps.length;
          const done = folder.lesson.steps.filter((step) =>
            step.checks.every((check) => progress.passed[`${step.id}/${check.id}`] !== undefined),
          ).length;
          const caughtUp = done < total && record.lessons[key]?.caughtUp === true;
          await keep(key, { progress, done, total, finished: done === total, caughtUp });
        },
      },
    });
    const entry: Live = { run, folder, holders: 0 };
    live.set(key, entry);
    return entry;
  }

  async function keep(key: string, lesson: LessonRecord): Promise<void> {
    record.lessons[key] = lesson;
    const done = Object.values(record.lessons).reduce((sum, each) => sum + each.done, 0);
    const total = [...lessons.values()].reduce((sum, each) => sum + each.lesson.steps.length, 0);
    await store?.save({ lessons: { [key]: lesson }, done: `${done}/${total}` });
  }

  async function open(key: string): Promise<OpenLesson> {
    const folder = find(key);
    await ready;
    const files = await layFilesOf(folder);
    if (!startsWithoutKubeconfig(folder)) await sandbox.placeKubeconfig();
    const entry = live.get(key) ?? begin(key);
    entry.holders++;
    clearTimeout(entry.timer);
    await entry.run.ready;
    if (record.lesson !== basename(folder.folder) || record.track !== folder.track) {
      record.track = folder.track;
      record.lesson = basename(folder.folder);
      store?.save({ track: folder.track, lesson: record.lesson }).catch(options.onTrouble);
    }
    let released = false;
    return {
      key,
      run: entry.run,
      files,
      release() {
        if (released) return;
        released = true;
        entry.holders--;
        if (entry.holders > 0) return;
        entry.timer = setTimeout(() => {
          live.delete(key);
          entry.run.close();
        }, LINGER);
        entry.timer.unref();
      },
    };
  }

  function layFilesOf(folder: LessonFolder, anew = false): Promise<LaidFile[]> {
    return layFiles({
      manifests: path.join(options.root, 'manifests'),
      home: sandbox.home,
      memory: path.join(options.directory, 'laid.json'),
      files: folder.lesson.files ?? [],
      variables: variables(),
      anew,
    });
  }

  function said(output: SaidOutput): void {
    for (const { run } of live.values()) run.said(output);
  }

  async function openTerminal(name: string, size: { columns: number; rows: number }): Promise<Terminal> {
    const shell: Shell = await sandbox.shell(size);
    return createTerminal(shell, size, { onCommand: said, onExit: () => terminals.delete(name) });
  }

  /** One piece of work at a time: a reset in the middle of a catch-up would undo half of it. */
  function work(
    kind: Activity['kind'],
    key: string,
    steps: (tell: (line: string) => void) => Promise<void>,
  ): Promise<void> {
    const id = crypto.randomUUID();
    const tell = (state: Activity['state'], line: string) => {
      for (const listener of listeners) listener({ id, kind, lesson: key, state, line });
    };
    const done = busy
      .then(() => ready)
      .then(() => steps((line) => tell('running', line)))
      .then(
        () => tell('done', ''),
        (error: Error) => {
          tell('failed', error.message);
          throw error;
        },
      );
    busy = done.catch(() => undefined);
    return done;
  }

  async function replayBefore(folder: LessonFolder, tell: (line: string) => void): Promise<void> {
    const before = foundationOf(folder, options.tracks);
    if (before.length > 0) await sandbox.placeKubeconfig();
    for (const [index, lesson] of before.entries()) {
      const key = lessonKey(lesson);
      tell(`${index + 1}/${before.length} ${key}`);
      await layFilesOf(lesson);
      await replayLesson(lesson.folder, variables(), sandbox, tell);
      const known = record.lessons[key];
      if (!known?.finished) {
        const progress = known?.progress ?? emptyProgress();
        await keep(key, {
          progress,
          done: known?.done ?? 0,
          total: lesson.lesson.steps.length,
          finished: false,
          caughtUp: true,
        });
      }
    }
  }

  /** In an empty sandbox "no Deployment is left" ticks at once: with the lessons before, it is asked anew. */
  async function rearmUntouched(key: string): Promise<void> {
    const run = live.get(key)?.run;
    if (run) return run.rearmUntouched();
    const known = record.lessons[key];
    if (known && isUntouched(known.progress))
      await keep(key, { ...known, progress: emptyProgress(), done: 0, finished: false });
  }

  async function handleControl(request: ControlRequest, gone: AbortSignal): Promise<ControlAnswer> {
    const key = request.lesson ?? (record.track && record.lesson ? `${record.track}/${record.lesson}` : undefined);
    if (!key) return { ok: false, text: 'atelier: open a lesson in the browser first' };
    const opened = await open(key);
    try {
      if (request.verb === 'wait') return await waitFor(opened.run, request.target, gone);
      const result = await opened.run.answer(request.target, request.value);
      if (result.right) return { ok: true, text: `${request.target}: right` };
      return { ok: false, text: `${request.target}: ${result.because}${result.detail ? ` (${result.detail})` : ''}` };
    } finally {
      opened.release();
    }
  }

  const control = serveControl(sandbox.control, handleControl);

  return {
    learner,
    sandbox,
    cluster,
    ready,
    variables,
    record: () => record,
    terminal(name, size) {
      const known = terminals.get(name);
      if (known) return known;
      const opening = openTerminal(name, size);
      terminals.set(name, opening);
      opening.catch(() => terminals.delete(name));
      return opening;
    },
    open,
    catchUp: (key) =>
      work('catch-up', key, async (tell) => {
        await replayBefore(find(key), tell);
        await rearmUntouched(key);
      }),
    reset: (key) =>
      work('reset', key, async (tell) => {
        const folder = find(key);
        tell(sandbox.namespace);
        await sandbox.reset();
        if (startsWithoutKubeconfig(folder) && (await sandbox.hideKubeconfig()))
          tell('~/.kube/config → ~/.kube/config.old');
        await replayBefore(folder, tell);
        for (const { file, outcome } of await layFilesOf(folder, true)) {
          if (outcome === 'moved') tell(`~/${file} → ~/${file}.old`);
        }
        // Its end state was made once, and is no more.
        const known = record.lessons[key];
        if (known) known.caughtUp = false;
        await live.get(key)?.run.reset();
        const total = folder.lesson.steps.length;
        if (!live.has(key)) await keep(key, { progress: emptyProgress(), done: 0, total, finished: false });
      }),
    onActivity(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      control.close();
      for (const { run, timer } of live.values()) {
        clearTimeout(timer);
        run.close();
      }
      // Side by side: each shell has its second to say goodbye.
      await Promise.all(
        [...terminals.values()].map((terminal) => terminal.then((each) => each.close()).catch(options.onTrouble)),
      );
      cluster.close();
      sandbox.close();
    },
  };
}

/** `datalab/02-raw-jupyter` */
export function lessonKey(lesson: LessonFolder): string {
  return `${lesson.track}/${basename(lesson.folder)}`;
}
