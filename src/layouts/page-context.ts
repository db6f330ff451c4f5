/** What the server tells a page, as `Astro.locals.atelier`, and what it sends afterwards as server-sent events. */

export type StepState = 'todo' | 'current' | 'done';
export type Verdict = 'waiting' | 'failing' | 'passed';

/** A hint that applies now. */
export interface HintView {
  id: string;
  /** What its prose shows in braces. */
  facts: Record<string, string>;
  /** How many further objects have the same trouble. */
  more: number;
}

export interface CheckView {
  verdict: Verdict;
  /** What keeps it from passing, as a field and its value. */
  why?: { field: string; value: string };
  /** When it passed, ISO 8601. */
  at?: string;
  /** Whether it is being watched: its step has come, and the check it comes after is done. */
  armed: boolean;
  hints: HintView[];
}

export interface LessonProgress {
  /** Steps done, of all. */
  done: number;
  total: number;
  finished: boolean;
  /** By the step's id; a step that is absent is still to do. */
  steps: Record<string, StepState>;
  /** By `step/check`. */
  checks: Record<string, CheckView>;
  /** Done by *Catch up*, not by the learner. */
  caughtUp?: boolean;
}

export interface PageContext {
  learner: { name: string };
  namespace: string;
  /** Values of `${…}` in lessons. */
  variables: Record<string, string>;
  /** Whether context `admin` is there: the whole cluster is the learner's, not a namespace alone. */
  owns: boolean;
  /** The workshop's own certificate authority, where the cluster has one. */
  authority?: {
    /** SHA-256, as browsers show it. */
    fingerprint: string;
  };
  cluster: {
    kind: 'embedded' | 'real';
    /** As the learner may know it: `main`, or the kubeconfig's context. */
    name: string;
    nodes?: number;
    /** Whether images, load balancers and the like are played by stand-ins. */
    simulated: boolean;
  };
  /** By `track/folder`, such as `datalab/02-raw-jupyter`. */
  progress: Record<string, LessonProgress>;
  /** The lesson that was open last, as `track/folder`. */
  last?: string;
}

/** Event `lesson` (whole), and `change` (what changed, in the same shape). */
export interface LessonEvent {
  steps: Record<string, { state: StepState }>;
  checks: Record<string, CheckView>;
  done: boolean;
}

/** Event `activity`: work the server does for the learner. */
export interface ActivityEvent {
  id: string;
  kind: 'catch-up' | 'reset';
  lesson: string;
  state: 'running' | 'done' | 'failed';
  line: string;
}

/** Event `notice`. */
export interface NoticeEvent {
  level: 'info' | 'warning' | 'error';
  /** A key of the messages' `notices`; shown as it is where there is none. */
  text: string;
  /** What the message shows in braces. */
  facts?: Record<string, string>;
}
