import { readFile } from 'node:fs/promises';
import type { Progress } from '../checks/progress.ts';
import { mergePatch } from './merge-patch.ts';

const SYSTEM_NAMESPACE = 'atelier-system';
const CUSTOM = { group: 'atelier.dev', version: 'v1', namespace: SYSTEM_NAMESPACE, plural: 'learners' };
/** Milliseconds between tries of a kind that is defined but not served yet. */
const NOT_SERVED_PAUSE = 200;
const NOT_SERVED_TRIES = 50;

/** What is kept of one lesson: the run's own progress and what the overview counts. */
export interface LessonRecord {
  progress: Progress;
  done: number;
  total: number;
  finished: boolean;
  /** Its end state was made by *Catch up*, not by the learner. */
  caughtUp?: boolean;
}

export interface LearnerRecord {
  track?: string;
  /** The folder of the lesson that was open last. */
  lesson?: string;
  lessons: Record<string, LessonRecord>;
}

/** The learner's custom resource: the only place where progress is kept. */
export interface RecordStore {
  load(): Promise<LearnerRecord>;
  /** Merges: what is not named stays. */
  save(change: {
    track?: string;
    lesson?: string;
    lessons?: Record<string, LessonRecord>;
    done?: string;
  }): Promise<void>;
}

/** Defines the kind where it is missing and makes the learner's object. Rejects with what the cluster refused. */
export async function openRecord(
  kubeconfig: string,
  context: string | undefined,
  learner: string,
): Promise<RecordStore> {
  const k8s = await import('@kubernetes/client-node');
  const config = new k8s.KubeConfig();
  config.loadFromFile(kubeconfig);
  if (context) config.setCurrentContext(context);
  const objects = k8s.KubernetesObjectApi.makeApiClient(config);
  const custom = config.makeApiClient(k8s.CustomObjectsApi);
  const definition = k8s.loadYaml<{ apiVersion: string; kind: string; metadata: { name: string } }>(
    await readFile(new URL('./learner-definition.yaml', import.meta.url), 'utf8'),
  );
  await objects.patch(definition, undefined, undefined, 'atelier', true, k8s.PatchStrategy.ServerSideApply);
  const self = { ...CUSTOM, name: learner };

  async function patch(body: object): Promise<void> {
    const merge = k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch);
    await custom.patchNamespacedCustomObject({ ...self, body }, merge);
  }

  async function read(): Promise<{ spec?: Partial<LearnerRecord>; status?: Partial<LearnerRecord> } | undefined> {
    return custom.getNamespacedCustomObject(self).catch((error: { code?: number }) => {
      if (error.code === 404) return undefined;
      throw error;
    });
  }

  async function create(): Promise<void> {
    const body = {
      apiVersion: `${CUSTOM.group}/${CUSTOM.version}`,
      kind: 'Learner',
      metadata: { name: learner },
      spec: {},
      status: { done: '0', lessons: {} },
    };
    for (let tries = 1; ; tries++) {
      try {
        await custom.createNamespacedCustomObject({ ...CUSTOM, body });
        return;
      } catch (error) {
        const { code } = error as { code?: number };
        if (code === 409) return;
        // A definition is served a moment after it is accepted.
        if (code !== 404 || tries >= NOT_SERVED_TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, NOT_SERVED_PAUSE));
      }
    }
  }

  if (!(await read())) await create();
  /** What the cluster holds, to know what a change takes away. */
  let held: Record<string, LessonRecord> = {};
  return {
    async load() {
      const found = await read();
      held = structuredClone(found?.status?.lessons ?? {});
      const { track, lesson } = found?.spec ?? {};
      return { ...(track && { track }), ...(lesson && { lesson }), lessons: found?.status?.lessons ?? {} };
    },
    async save({ track, lesson, lessons, done }) {
      const changes = lessons && mergePatch(held, { ...held, ...lessons });
      held = structuredClone({ ...held, ...lessons });
      await patch({
        ...((track || lesson) && { spec: { ...(track && { track }), ...(lesson && { lesson }) } }),
        ...((changes || done) && { status: { ...(changes && { lessons: changes }), ...(done && { done }) } }),
      });
    },
  };
}
