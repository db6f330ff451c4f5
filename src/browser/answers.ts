import type { BrowserMessages } from '../i18n/messages.ts';
import type { Verdict } from '../layouts/page-context.ts';

export interface LessonAddress {
  track: string;
  lesson: string;
}

/** Sends JSON to the server. Throws where it does not answer 2xx. */
export async function post<Answer>(path: string, body: object): Promise<Answer> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as Answer;
}

/** Answers go to the server, which judges; the tick comes back with the events, in every tab. */
export function wireAnswers(pane: HTMLElement, lesson: LessonAddress, words: BrowserMessages): void {
  pane.addEventListener('submit', async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.answer === undefined) return;
    event.preventDefault();
    const value = String(new FormData(form).get('value') ?? '').trim();
    const said = form.querySelector('[data-said]');
    if (!said || value === '') return;
    said.textContent = words.sending;
    const { answerStep: step, answerCheck: check } = form.dataset;
    try {
      const send = () => post<{ verdict: Verdict; message?: string }>('/api/answer', { ...lesson, step, check, value });
      const answer = await send().catch((error: unknown) => {
        // The network changed under it: an answer may be sent twice, and should not be typed twice.
        if (error instanceof TypeError) return send();
        throw error;
      });
      const reasons: Record<string, string> = { unknown: words.unknown, 'not-armed': words.notArmed };
      said.textContent = answer.verdict === 'passed' ? words.right : (reasons[answer.message ?? ''] ?? words.wrong);
    } catch {
      said.textContent = words.notSent;
    }
  });
}
