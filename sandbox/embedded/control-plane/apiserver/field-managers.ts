import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { ResourceCall } from './call.ts';

/** Notes in metadata.managedFields who set what; changes `object`. */
export type Manage = (call: ResourceCall, old: KubeObject | undefined, object: KubeObject) => void;

export const manageFields: Manage = (_call, old, object) => {
  if (old?.metadata.managedFields) object.metadata.managedFields = old.metadata.managedFields;
  else delete object.metadata.managedFields;
};
