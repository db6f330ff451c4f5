import { re2 } from '../../cel/functions.ts';
import { asText } from '../../cel/values.ts';
import { matchLabels, parseLabelSelector } from '../../kubernetes/selectors.ts';
import type { ClusterSource } from '../cluster/source.ts';
import type { CompiledCheck } from './conditions.ts';
import { bindingsOf, type Circumstances } from './evaluate.ts';

/** How an answer was judged. */
export type AnswerVerdict =
  | { right: true }
  /** `unknown`: the truth is not in the cluster yet, so nothing can be said about the answer. */
  | { right: false; because: 'wrong' | 'unknown'; detail?: string };

/** At most so many pods' logs are read for one answer. */
const MAX_PODS = 10;

/** Judges what a learner typed. Case, spaces at the ends and runs of spaces never matter, but to `match` and `expect`. */
export async function judgeAnswer(
  compiled: CompiledCheck,
  given: string,
  circumstances: Circumstances,
  cluster: Pick<ClusterSource, 'logs'>,
): Promise<AnswerVerdict> {
  const form = compiled.check.answer;
  const answer = given.trim();
  if (!form || answer === '') return { right: false, because: 'wrong' };
  const accepted = [form.is ?? [], form.choice?.is ?? []].flat();
  if (accepted.some((right) => normal(right) === normal(answer))) return { right: true };
  if (form.match !== undefined && re2(form.match).matches(answer)) return { right: true };
  if (compiled.answerExpect) {
    const expected = judgeExpected(compiled, answer, circumstances);
    if (expected) return expected;
  }
  if (!form.from) return { right: false, because: 'wrong' };
  const truths = form.from.log
    ? await logTruths(form.from.log, circumstances, cluster)
    : clusterTruths(compiled, circumstances);
  if (!Array.isArray(truths)) return { right: false, because: 'unknown', detail: truths.unknown };
  return truths.some((truth) => normal(truth) === normal(answer))
    ? { right: true }
    : { right: false, because: 'wrong' };
}

function normal(text: string): string {
  return text.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
}

function judgeExpected(
  compiled: CompiledCheck,
  answer: string,
  circumstances: Circumstances,
): AnswerVerdict | undefined {
  const { watch, release } = compiled.check;
  const bound = bindingsOf(watch, release, circumstances);
  if ('blocked' in bound) return { right: false, because: 'unknown', detail: bound.blocked.why?.value ?? '' };
  const { before, variables } = circumstances;
  for (const typed of [answer, answer.toLowerCase()]) {
    const outcome = compiled.answerExpect?.evaluate({
      ...bound.bindings,
      vars: variables,
      ...(before ? { before } : {}),
      answer: typed,
    });
    if (outcome && 'value' in outcome && outcome.value === true) return { right: true };
    if (outcome && 'absent' in outcome) return { right: false, because: 'unknown', detail: outcome.absent };
  }
  return undefined;
}

function clusterTruths(compiled: CompiledCheck, circumstances: Circumstances): string[] | { unknown: string } {
  const watch = compiled.check.answer?.from?.watch ?? compiled.check.watch;
  const bound = bindingsOf(watch, compiled.check.release, circumstances);
  if ('blocked' in bound) return { unknown: bound.blocked.why?.value ?? '' };
  const { before, variables } = circumstances;
  const outcome = compiled.answerValue?.evaluate({ ...bound.bindings, vars: variables, ...(before ? { before } : {}) });
  if (!outcome || 'error' in outcome) return { unknown: outcome?.error ?? 'no value' };
  if ('absent' in outcome) return { unknown: outcome.absent };
  return (Array.isArray(outcome.value) ? outcome.value : [outcome.value]).map(asText);
}

async function logTruths(
  { selector, container, match }: { selector: string; container?: string | undefined; match: string },
  { snapshot, namespace }: Circumstances,
  cluster: Pick<ClusterSource, 'logs'>,
): Promise<string[] | { unknown: string }> {
  const requirements = parseLabelSelector(selector);
  const pods = snapshot
    .view('pods', namespace)
    .items.filter((pod) => matchLabels(requirements, pod.metadata.labels))
    .slice(-MAX_PODS);
  const logs = await Promise.allSettled(
    pods.map((pod) => cluster.logs(namespace, String(pod.metadata.name), container)),
  );
  const truths: string[] = [];
  for (const log of logs) {
    if (log.status === 'rejected') continue;
    const matcher = re2(match).matcher(log.value);
    while (matcher.find()) truths.push(matcher.group(matcher.groupCount() > 0 ? 1 : 0) ?? '');
  }
  return truths.length > 0 ? truths : { unknown: 'no such line in the log yet' };
}
