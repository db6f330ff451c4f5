import type { JsonObject } from '../../cel/values.ts';
import type { Loose } from '../../kubernetes/object.ts';
import type { ClusterSource } from '../cluster/source.ts';
import type { Check, Lesson } from '../lessons/schema.ts';
import { fill, type Variables } from '../lessons/variables.ts';
import { judgeAnswer } from './answers.ts';
import { type RunClock, systemClock } from './clock.ts';
import { type CompiledCheck, compileCheck, resourcesOf } from './conditions.ts';
import { type Circumstances, type Judgement, judge, judgeHint, type ShownHint, takeBefore } from './evaluate.ts';
import type { Probe } from './probe.ts';
import { type Balanced, createProber } from './prober.ts';
import { createSaver, emptyProgress, isUntouched, type Progress, type ProgressStore, progressFor } from './progress.ts';
import { commandWords, matchSaid, plainOutput, type SaidOutput } from './said.ts';
import { type CheckState, difference, type LessonChange, type LessonState } from './state.ts';

export interface LessonRunOptions {
  lesson: Lesson;
  /** Filled into the lesson's texts, and `vars` in CEL. */
  variables: Variables & { namespace: string };
  cluster: ClusterSource;
  progress: ProgressStore;
  clock?: RunClock;
  /** Without it `http` and `dns` checks wait. */
  probe?: Probe;
}

/** One learner's way through one lesson; any number of pages may look on. */
export interface LessonRun {
  /** Resolves when progress has been read. */
  ready: Promise<void>;
  state(): LessonState;
  /** Calls with what changed, after each change. @returns the end of it */
  subscribe(listener: (change: LessonChange) => void): () => void;
  /** @param check `step/check`, or the check's id alone in the current step */
  answer(check: string, value: string): Promise<AnswerResult>;
  /** A command ended in one of the learner's shells. */
  said(output: SaidOutput): void;
  /** Clears all ticks and arms the first step anew; the cluster is somebody else's to clear. */
  reset(): Promise<void>;
  /** As reset, where every tick came by itself: what comes before the lesson has just been made. */
  rearmUntouched(): Promise<void>;
  close(): void;
}

type AnswerResult =
  | { right: true }
  | { right: false; because: 'wrong' | 'unknown' | 'not-armed' | 'no-such-question'; detail?: string };

interface Entry {
  compiled: CompiledCheck;
  key: string;
  check: Check;
  judgement: Judgement;
  hints: ShownHint[];
  /** The last wrong answer. */
  wrong: string | undefined;
  response: JsonObject | undefined;
  /** Hints by what a command printed, with the command that did. */
  said: Map<string, { words: string; facts: Record<string, string> }>;
  /** Since when each hint's condition holds, for its patience. */
  since: Map<string, number>;
  /** Not judged again before, because it was expensive. */
  rest: number;
}

/** A check that takes longer than this many milliseconds is then left alone for twenty times as long. */
const EXPENSIVE = 15;
const REST = 20;

/** Starts judging a lesson for one learner. What is expensive, throws or hangs delays no other check. */
export function createLessonRun(options: LessonRunOptions): LessonRun {
  const { cluster, variables, clock = systemClock } = options;
  const { namespace } = variables;
  const lesson = fill(options.lesson, variables);
  const listeners = new Set<(change: LessonChange) => void>();
  const saver = createSaver(options.progress, (milliseconds, run) => clock.after(milliseconds, run));
  const steps = lesson.steps.map((step) => ({
    id: step.id,
    entries: step.checks.map((check): Entry => {
      const key = `${step.id}/${check.id}`;
      return {
        compiled: compileCheck(key, check).compiled,
        key,
        check,
        judgement: { verdict: 'waiting' },
        hints: [],
        wrong: undefined,
        response: undefined,
        said: new Map(),
        since: new Map(),
        rest: 0,
      };
    }),
  }));
  let progress: Progress | undefined;
  let shown: LessonState | undefined;
  let closed = false;
  let scheduled = false;
  let timer: { due: number; cancel(): void } | undefined;
  let wanted: { resources: string; release: () => void } | undefined;

  const prober = createProber(options.probe, clock, balancerOf, (key, response) => {
    const entry = entryOf(key);
    if (!entry) return;
    entry.response = response;
    schedule();
  });
  const unsubscribe = cluster.subscribe(namespacesOf(lesson, namespace), schedule);
  const ready = options.progress.load().then(
    (kept) => begin(progressFor(lesson, kept)),
    () => begin(emptyProgress()),
  );

  function begin(kept: Progress): void {
    if (closed) return;
    progress = kept;
    evaluate();
  }

  function schedule(): void {
    if (scheduled || closed) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (!closed) evaluate();
    });
  }

  function passed(key: string): boolean {
    return progress?.passed[key] !== undefined;
  }

  function currentStep() {
    return steps.find((step) => step.entries.some(({ key }) => !passed(key)));
  }

  function entryOf(key: string): Entry | undefined {
    for (const step of steps) for (const entry of step.entries) if (entry.key === key) return entry;
    return undefined;
  }

  /** Steps follow one another within one evaluation: what already holds ticks at once. */
  function evaluate(): void {
    if (!progress) return;
    let dirty = false;
    for (let round = 0; round <= steps.length * 4; round++) {
      const step = currentStep();
      wantResources();
      if (!step || !judgeStep(step)) break;
      dirty = true;
    }
    if (dirty) saver.save(progress);
    probeArmed();
    emit();
  }

  /** @returns whether something armed or passed */
  function judgeStep(step: (typeof steps)[number]): boolean {
    let moved = false;
    for (const entry of step.entries) {
      if (!progress || passed(entry.key)) continue;
      if (!progress.armed[entry.key]) {
        if (!canArm(step.id, entry)) continue;
        const before = takeBefore(entry.compiled, circumstancesOf(entry));
        progress.armed[entry.key] = { at: clock.now().toISOString(), ...(before ? { before } : {}) };
        moved = true;
      }
      if (judgeEntry(entry)) moved = true;
    }
    return moved;
  }

  function canArm(step: string, { check }: Entry): boolean {
    if (check.after && !passed(`${step}/${check.after}`)) return false;
    // What is `before` can only be said once everything has been read.
    return resourcesOf(check).every((resource) => cluster.view(resource, namespace).state !== 'syncing');
  }

  function judgeEntry(entry: Entry): boolean {
    const now = clock.now().getTime();
    if (entry.rest > now) {
      wake(entry.rest - now);
      return false;
    }
    const began = performance.now();
    const circumstances = circumstancesOf(entry);
    entry.judgement = attempt(() => judge(entry.compiled, circumstances)) ?? { verdict: 'failing' };
    if (entry.wrong !== undefined)
      entry.judgement = { verdict: 'failing', why: { field: 'answer', value: entry.wrong } };
    const won = entry.judgement.verdict === 'passed';
    if (won) pass(entry);
    else entry.hints = hintsOf(entry, circumstances, now);
    const took = performance.now() - began;
    if (!won && took > EXPENSIVE) entry.rest = now + took * REST;
    return won;
  }

  function pass(entry: Entry): void {
    if (progress) progress.passed[entry.key] = clock.now().toISOString();
    entry.hints = [];
    entry.said.clear();
    entry.since.clear();
    entry.wrong = undefined;
  }

  function hintsOf(entry: Entry, circumstances: Circumstances, now: number): ShownHint[] {
    const hints: ShownHint[] = [];
    for (const hint of entry.compiled.hints) {
      const id = hint.hint.id;
      const said = entry.said.get(id);
      const found = said ? { id, facts: said.facts, more: 0 } : attempt(() => judgeHint(hint, circumstances));
      if (!found) {
        entry.since.delete(id);
        continue;
      }
      const since = entry.since.get(id) ?? now;
      entry.since.set(id, since);
      const left = since + (said ? 0 : (hint.hint.patience ?? 0) * 1000) - now;
      if (left <= 0) hints.push(found);
      else wake(left);
    }
    return hints;
  }

  function wake(milliseconds: number): void {
    const due = clock.now().getTime() + milliseconds;
    if (timer && timer.due <= due) return;
    timer?.cancel();
    const { cancel } = clock.after(milliseconds, () => {
      timer = undefined;
      schedule();
    });
    timer = { due, cancel };
  }

  function circumstancesOf(entry: Entry): Circumstances {
    const before = progress?.armed[entry.key]?.before;
    return { snapshot: cluster, namespace, variables, before, response: entry.response };
  }

  function balancerOf(service: Balanced): string | undefined {
    const { items } = cluster.view('services', service.namespace ?? namespace);
    const found: Loose = items.find(({ metadata }) => metadata.name === service.name);
    const first = found?.status?.loadBalancer?.ingress?.[0];
    return first?.ip ?? first?.hostname;
  }

  /** Watches are open for what the current step needs, and already for the next. */
  function wantResources(): void {
    const at = steps.findIndex((step) => step.entries.some(({ key }) => !passed(key)));
    const near = at < 0 ? [] : steps.slice(at, at + 2);
    const names = near.flatMap((step) => step.entries.flatMap(({ check }) => resourcesOf(check)));
    const resources = [...new Set(names)].sort();
    if (wanted?.resources === resources.join()) return;
    const before = wanted;
    wanted = { resources: resources.join(), release: cluster.want(resources) };
    before?.release();
  }

  function probeArmed(): void {
    const armed = (currentStep()?.entries ?? []).filter(
      ({ key, check }) => (check.http ?? check.dns) && progress?.armed[key] && !passed(key),
    );
    prober.want(listeners.size > 0 ? armed.map(({ key, compiled }) => ({ key, compiled })) : []);
  }

  function emit(): void {
    const now = stateNow();
    const change = difference(shown, now);
    shown = now;
    if (change) for (const listener of listeners) attempt(() => listener(change));
  }

  function stateNow(): LessonState {
    const current = currentStep();
    const checks: LessonState['checks'] = {};
    const states: LessonState['steps'] = {};
    for (const step of steps) {
      const done = step.entries.every(({ key }) => passed(key));
      states[step.id] = { state: done ? 'done' : progress && step === current ? 'current' : 'todo' };
      for (const entry of step.entries) checks[entry.key] = checkState(entry);
    }
    return { steps: states, checks, done: progress !== undefined && !current };
  }

  function checkState({ key, judgement, hints }: Entry): CheckState {
    const at = progress?.passed[key];
    if (at) return { verdict: 'passed', at, armed: true, hints: [] };
    if (!progress?.armed[key]) return { verdict: 'waiting', armed: false, hints: [] };
    const { verdict, why } = judgement;
    return { verdict: verdict === 'passed' ? 'waiting' : verdict, ...(why ? { why } : {}), armed: true, hints };
  }

  function said({ command, output, exitCode }: SaidOutput): void {
    const text = plainOutput(output);
    const words = commandWords(command);
    for (const entry of currentStep()?.entries ?? []) {
      if (!progress?.armed[entry.key] || passed(entry.key)) continue;
      // The same try again: what it says now replaces what it said before.
      for (const [id, hit] of entry.said) if (hit.words === words) entry.said.delete(id);
      for (const hint of exitCode === 0 && !text ? [] : entry.compiled.hints) {
        const facts = attempt(() => matchSaid(hint, command, text));
        if (facts) entry.said.set(hint.hint.id, { words, facts });
      }
    }
    prober.soon();
    schedule();
  }

  async function answer(name: string, value: string): Promise<AnswerResult> {
    await ready;
    const current = currentStep();
    const entry = entryOf(name) ?? current?.entries.find(({ check }) => check.id === name);
    if (!entry?.check.answer) return { right: false, because: 'no-such-question' };
    if (passed(entry.key)) return { right: true };
    if (!progress?.armed[entry.key]) return { right: false, because: 'not-armed' };
    const verdict = await judgeAnswer(entry.compiled, value, circumstancesOf(entry), cluster);
    if (closed || !progress) return verdict;
    if (verdict.right) {
      pass(entry);
      saver.save(progress);
    } else if (verdict.because === 'wrong' && value.trim() !== '') entry.wrong = value.trim().slice(0, 200);
    evaluate();
    return verdict;
  }

  async function reset(): Promise<void> {
    await ready;
    progress = emptyProgress();
    for (const { entries } of steps)
      for (const entry of entries) {
        Object.assign(entry, {
          judgement: { verdict: 'waiting' },
          hints: [],
          wrong: undefined,
          response: undefined,
          rest: 0,
        });
        entry.said.clear();
        entry.since.clear();
      }
    saver.save(progress);
    evaluate();
  }

  return {
    ready,
    state: () => shown ?? stateNow(),
    subscribe(listener) {
      listeners.add(listener);
      probeArmed();
      return () => {
        listeners.delete(listener);
        probeArmed();
      };
    },
    answer,
    said,
    reset,
    async rearmUntouched() {
      await ready;
      if (progress && isUntouched(progress)) await reset();
    },
    close() {
      closed = true;
      unsubscribe();
      wanted?.release();
      timer?.cancel();
      prober.close();
      saver.close();
      listeners.clear();
    },
  };
}

/** What throws says nothing. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

/** The sandbox's namespace and every other one that a watch of the lesson names. */
function namespacesOf(lesson: Lesson, own: string): string[] {
  const namespaces = new Set([own]);
  for (const step of lesson.steps)
    for (const check of step.checks)
      for (const part of [check, ...(check.hints ?? [])])
        for (const watch of [part.watch, part.release]) if (watch?.namespace) namespaces.add(watch.namespace);
  return [...namespaces];
}
