import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { trackUpdate } from '../schema/apply.ts';
import { UntypedValue } from '../schema/typed.ts';
import type { ResourceCall } from './call.ts';
import { ownershipOf } from './engine.ts';

/** Notes in metadata.managedFields who set what; changes `object`. */
export type Manage = (call: ResourceCall, old: KubeObject | undefined, object: KubeObject) => void;

/** For creates, updates and patches. https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers */
export const manageFields: Manage = (call, old, object) => {
  const { type, services } = call;
  const stored = type.conversion ? (services.types.findKind(object.apiVersion, object.kind) ?? type) : type;
  const fields = tracked(() => trackUpdate(old, object, ownershipOf(call, stored)));
  if (fields) object.metadata.managedFields = fields;
  else delete object.metadata.managedFields;
};

/** What fits no schema is nobody's; validation says what is wrong with it. */
function tracked(track: () => Loose[] | undefined): Loose[] | undefined {
  try {
    return track();
  } catch (error) {
    if (error instanceof UntypedValue) return undefined;
    throw error;
  }
}

/** For server-side apply, which has written them already. */
export const managedAlready: Manage = () => {};
