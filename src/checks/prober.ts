import type { JsonObject } from '../../cel/values.ts';
import type { HttpQuestion } from '../lessons/schema.ts';
import type { RunClock } from './clock.ts';
import type { CompiledCheck } from './conditions.ts';
import { type Probe, responseBinding } from './probe.ts';

/** A Service with a load balancer, as an `http` question names it. */
export type Balanced = NonNullable<HttpQuestion['through']>;

interface Probed {
  key: string;
  compiled: CompiledCheck;
}

/** Milliseconds between two requests to one address: at first, and at most. */
const FIRST_PAUSE = 700;
const LONGEST_PAUSE = 5_000;
const TIME_OUT = 3_000;

/** Asks the addresses of `http` checks and the names of `dns` checks for as long as they are wanted, more and more rarely; one request at a time each. */
export function createProber(
  probe: Probe | undefined,
  clock: RunClock,
  balancerOf: (service: Balanced) => string | undefined,
  answered: (key: string, response: JsonObject | undefined) => void,
) {
  const active = new Map<
    string,
    { pause: number; timer?: { cancel(): void }; ended: AbortController; busy: boolean; run(): void }
  >();

  function start({ key, compiled }: Probed): void {
    const state = {
      pause: FIRST_PAUSE,
      ended: new AbortController(),
      busy: false,
      run: () => void ask(),
    } as NonNullable<ReturnType<typeof active.get>>;
    active.set(key, state);

    async function ask(): Promise<void> {
      if (state.busy || state.ended.signal.aborted) return;
      state.busy = true;
      const response = await askAll(compiled, state.ended.signal);
      state.busy = false;
      if (state.ended.signal.aborted) return;
      answered(key, response);
      state.timer = clock.after(state.pause, state.run);
      state.pause = Math.min(LONGEST_PAUSE, state.pause * 1.3);
    }
    void ask();
  }

  async function askAll({ check, expect }: CompiledCheck, ended: AbortSignal): Promise<JsonObject | undefined> {
    const { http, dns } = check;
    if (!probe) return undefined;
    const within = () => AbortSignal.any([ended, AbortSignal.timeout(TIME_OUT)]);
    // Nobody who answers yet: that is what the check waits for.
    if (dns) return probe.dns(dns, within()).then((reply): JsonObject => ({ ...reply }), none);
    if (!http) return undefined;
    // Of several addresses the first that passes, else the first that answers.
    let answer: JsonObject | undefined;
    for (const url of [http.url].flat()) {
      const [address, question] = aimed(url, http, balancerOf);
      if (!address) continue;
      const response = await probe.http(address, question, within()).then(responseBinding, none);
      if (!response) continue;
      const outcome = expect?.evaluate({ response });
      if (outcome && 'value' in outcome && outcome.value === true) return response;
      answer ??= response;
    }
    return answer;
  }

  function stop(key: string): void {
    const state = active.get(key);
    state?.ended.abort();
    state?.timer?.cancel();
    active.delete(key);
  }

  return {
    /** From now on these, and no others. */
    want(probed: Probed[]): void {
      for (const key of active.keys()) if (!probed.some((one) => one.key === key)) stop(key);
      for (const one of probed) if (!active.has(one.key)) start(one);
    },
    /** Something happened: ask again at once, and often for a while. */
    soon(): void {
      for (const state of active.values()) {
        state.pause = FIRST_PAUSE;
        state.timer?.cancel();
        state.run();
      }
    },
    close(): void {
      for (const key of [...active.keys()]) stop(key);
    },
  };
}

/** Where to send a request, and as what: through a load balancer its own address, with the name in `Host`, as curl -H does. */
function aimed(
  url: string,
  question: HttpQuestion,
  balancerOf: (service: Balanced) => string | undefined,
): [string | undefined, Pick<HttpQuestion, 'from' | 'headers'>] {
  if (!question.through) return [url, question];
  const balancer = balancerOf(question.through);
  if (!balancer) return [undefined, question];
  const target = new URL(url);
  const headers = { Host: target.host, ...question.headers };
  target.hostname = balancer.includes(':') ? `[${balancer}]` : balancer;
  return [target.href, { from: 'shell', headers }];
}

function none(): undefined {
  return undefined;
}
