/** Where a part answers otherwise than the real program, and why that stays. One list for all parts. */
export interface Difference {
  part: string;
  /** The step of the recording, or what a user does. */
  at: string;
  why: string;
}

export const differences: Difference[] = [
  {
    part: 'zone',
    at: 'WEB.Learner.Localhost A',
    why: 'Answers repeat the letters of the question, as RFC 4343 (4.1) lets them; BIND gives those of its zone file.',
  },
  {
    part: 'external-dns',
    at: '--events',
    why: 'A change is acted on at once, not after the five seconds that the real one gathers changes: a learner sees the record while looking.',
  },
  {
    part: 'external-dns',
    at: '--provider=aws, --source=gateway-httproute, --kubeconfig=FILE …',
    why: 'What is not played ends with a sentence that says so: providers but webhook, sources but crd, ingress, service and empty, encrypted TXT records, files with credentials.',
  },
];
