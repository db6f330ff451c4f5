import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import type { Recorder } from '../../../../client/recorder.ts';
import type { Logger } from '../log.ts';

/** Makes an issuer ready. Answers with the fields of its status that change; with `error` it is tried again later. */
export type SetUp = (issuer: KubeObject, recorder: Recorder, log: Logger) => Promise<Loose & { error?: string }>;
