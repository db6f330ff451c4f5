import { z } from 'zod';

const id = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'an id is made of small letters, digits and dashes, like `rolled-out`');

/** CEL: https://kubernetes.io/docs/reference/using-api/cel/ */
const cel = z.string().min(1);

/** A text in every language of the site. */
const translated = z.strictObject({ en: z.string().min(1), fr: z.string().min(1) });

/** Objects of one kind that a check looks at. */
const watch = z.strictObject({
  /** Plural, as in `kubectl get`: `deployments`, or with its group: `ingresses.networking.k8s.io`. */
  resource: z.string().min(1),
  /** One object; its value is `item`. */
  name: z.string().min(1).optional(),
  /** Labels, as `kubectl get -l` takes them: `app=jupyter,tier!=test`. */
  selector: z.string().min(1).optional(),
  /** Another namespace than the sandbox's own. */
  namespace: z.string().min(1).optional(),
});

/** A Helm release of the sandbox, by its record in the cluster: `release` is its newest revision, `releases` all of them. */
const release = z.strictObject({
  /** The release's name; without it `releases` holds the newest revision of each. */
  name: z.string().min(1).optional(),
  /** Another namespace than the sandbox's own. */
  namespace: z.string().min(1).optional(),
});

/** A request to an address of the learner's, sent gently while the check waits and somebody looks. */
const http = z.strictObject({
  /** Absolute; of several, the first that answers counts. */
  url: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** `server`: from Atelier's own process; `shell`: from where the learner types, so that a forwarded port is reached. */
  from: z.enum(['server', 'shell']).default('server'),
  /** Sent along: `Host`, where the name is not in the zone yet. */
  headers: z.record(z.string().regex(/^[A-Za-z0-9-]+$/, 'a header’s name, like `Host`'), z.string()).optional(),
  /** A Service whose load balancer is asked, wherever the host of the address leads by then, if anywhere. */
  through: z.strictObject({ name: z.string().min(1), namespace: z.string().min(1).optional() }).optional(),
});

/** The types of records that a check may ask for. */
const RECORD_TYPES = ['A', 'AAAA', 'CNAME', 'TXT', 'NS', 'MX', 'SRV', 'SOA', 'CAA', 'PTR'] as const;

/** A question to the zone that the learner writes into; on a real cluster, to the name servers of the domain. */
const dns = z.strictObject({
  /** Whole, without a dot at its end: `jupyter.${domain}`. */
  name: z.string().min(1),
  type: z.enum(RECORD_TYPES).default('A'),
});

const oneOrMore = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** A truth that only the learner's own cluster knows. */
const answerFrom = z.strictObject({
  /** A line of a pod's log. */
  log: z
    .strictObject({
      /** Labels of the pods. */
      selector: z.string().min(1),
      /** The container, where the pod has several. */
      container: z.string().min(1).optional(),
      /** RE2; its first group is the truth. */
      match: z.string().min(1),
    })
    .optional(),
  /** The objects `value` reads. */
  watch: watch.optional(),
  /** CEL over `item` or `items`: a text, a number, or a list of those that are right. */
  value: cel.optional(),
});

/** What the learner types or chooses. Case and spaces at the ends never matter. */
const answer = z.strictObject({
  /** The right answer, or several. */
  is: oneOrMore.optional(),
  /** One of several that the page offers. */
  choice: z
    .strictObject({
      /** The value of the right one. */
      is: z.string().min(1),
      /** The values that the page offers, where the build should compare them. */
      of: z.array(z.string().min(1)).optional(),
    })
    .optional(),
  /** RE2 that the whole answer fits. */
  match: z.string().min(1).optional(),
  from: answerFrom.optional(),
  /** CEL over `answer`, and over `item`, `items` and `before` where the check has a `watch`. */
  expect: cel.optional(),
});

/** What to say while a check is not passed, chosen by the cluster's state. */
const hint = z.strictObject({
  /** The id of its text in the prose: `<Hint check="…" id="…">`. */
  id,
  /** Objects to look at, where they are not the check's. */
  watch: watch.optional(),
  /** A release to look at, where it is not the check's. */
  release: release.optional(),
  /** CEL for the list whose elements `where` tries; `items` without it. */
  each: cel.optional(),
  /** CEL over one element, `it`: those for which it is true are the culprits. An error means no, for that one alone. */
  where: cel.optional(),
  /** CEL: true or false, for what is wrong because something is absent. */
  when: cel.optional(),
  /** For mistakes that leave nothing in the cluster: what a command of the learner's printed. */
  says: z
    .strictObject({
      /** RE2, tried on the command's output; named groups `(?P<port>\d+)` are facts. */
      match: z.string().min(1),
      /** RE2 that the command line must fit as well. */
      command: z.string().min(1).optional(),
    })
    .optional(),
  /** Texts that the hint's prose may show in braces, each a CEL over `it`, `item`, `items`. */
  facts: z
    .record(z.string().regex(/^[a-zA-Z][a-zA-Z0-9]*$/, 'a fact’s name is made of letters and digits'), cel)
    .optional(),
  /** How many seconds the condition must hold before the hint is shown; 0 without it. */
  patience: z.number().int().min(0).max(120).optional(),
});

/** A condition on the cluster: it ticks when it holds, and stays ticked. */
const check = z.strictObject({
  /** Unique in its step. */
  id,
  /** Arms when that check of the same step is done (`broken`), instead of with the step. */
  after: id.optional(),
  watch: watch.optional(),
  release: release.optional(),
  http: http.optional(),
  dns: dns.optional(),
  answer: answer.optional(),
  /** CEL that is true when the check is passed. */
  expect: cel.optional(),
  hints: z.array(hint).optional(),
});

/** One thing to do. */
const step = z.strictObject({
  /** Unique in the lesson; `<Step id="…">` in the prose. */
  id,
  /** What shows that it is done: at least one. */
  checks: z.array(check).min(1),
});

/** `lesson.yaml`: what is true in every language. */
export const lessonSchema = z.strictObject({
  /** How long it takes, in minutes. */
  minutes: z.number().int().min(1).max(240),
  /** What the learner must own: a namespace, or the whole cluster. */
  needs: z.enum(['namespace', 'cluster']),
  /** Files of `manifests/` that are laid in the learner's home. */
  files: z
    .array(
      z.strictObject({
        /** A file or a folder of `manifests/`. */
        from: z.string().min(1),
        /** Where it goes, from the home; the same path without it. */
        to: z.string().min(1).optional(),
      }),
    )
    .optional(),
  steps: z.array(step).min(1),
});

/** `track.yaml`: a course. Its lessons are the numbered folders beside it. */
export const trackSchema = z.strictObject({
  title: translated,
  /** One sentence under the title. */
  lede: translated,
});

export type Lesson = z.infer<typeof lessonSchema>;
export type Track = z.infer<typeof trackSchema>;
export type Check = Lesson['steps'][number]['checks'][number];
export type Hint = NonNullable<Check['hints']>[number];
export type Watch = z.infer<typeof watch>;
export type HttpQuestion = z.infer<typeof http>;
export type DnsQuestion = z.infer<typeof dns>;
export type ReleaseWatch = z.infer<typeof release>;
