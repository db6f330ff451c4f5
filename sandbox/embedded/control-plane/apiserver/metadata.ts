import { dns1035Label, dns1123Label, dns1123Subdomain, pathSegment } from '../../../../kubernetes/names.ts';
import type { KubeObject } from '../../../../kubernetes/object.ts';
import { metadataFaults } from '../resources/faults.ts';
import type { FieldError } from '../resources/strategy.ts';
import type { ResourceCall } from './call.ts';
import type { ResourceType } from './resource-type.ts';

const formats = { subdomain: dns1123Subdomain, label: dns1123Label, label1035: dns1035Label, path: pathSegment };

/** The rules every object's name keeps. */
export function validateMetadata(type: ResourceType, object: KubeObject): FieldError[] {
  const { name, generateName } = object.metadata;
  const faults: FieldError[] = [];
  if (!name && !generateName)
    faults.push({
      field: 'metadata.name',
      reason: 'FieldValueRequired',
      message: 'Required value: name or generateName is required',
    });
  else if (name) {
    const wrong = formats[type.strategy.nameFormat ?? 'subdomain'](name);
    for (const why of wrong)
      faults.push({
        field: 'metadata.name',
        reason: 'FieldValueInvalid',
        message: `Invalid value: ${JSON.stringify(name)}: ${why}`,
      });
  }
  return faults;
}

/**
 * What nobody may set, even if the server would put it back. The real one looks at metadata twice, for all kinds and for
 * the one, and lists each fault as often.
 */
export function immutableMetadata({ metadata }: KubeObject, { metadata: old }: KubeObject): FieldError[] {
  const changed = (field: 'deletionTimestamp' | 'deletionGracePeriodSeconds'): FieldError[] =>
    metadata[field] === undefined || old.deletionTimestamp !== undefined || metadata[field] === old[field]
      ? []
      : [
          {
            field: `metadata.${field}`,
            reason: 'FieldValueInvalid',
            message: `Invalid value: ${JSON.stringify(metadata[field])}: field is immutable`,
          },
        ];
  const faults = [...changed('deletionTimestamp'), ...changed('deletionGracePeriodSeconds')];
  return [...faults, ...faults];
}

/** Kinds whose update is judged as a create is, metadata and all; of others only the rest is. */
const judgedWhole = new Set([
  '/configmaps',
  '/endpoints',
  '/persistentvolumeclaims',
  '/pods',
  '/secrets',
  '/serviceaccounts',
  '/services',
]);

/**
 * The real server looks at the metadata of an update over and over: as at that of any object, as at any changed one, as at
 * a changed one of its kind, and often once more with all else. It lists each fault as often.
 */
export function validateMetadataUpdate(call: ResourceCall, object: KubeObject, old: KubeObject): FieldError[] {
  const { type, info } = call;
  const added = addedFinalizers(object, old);
  const faults = type.definition ? [] : metadataFaults(object);
  if (faults.length === 0) return added;
  const ofKind = judgedWhole.has(type.collection) || info.subresource === 'status' ? faults : [];
  return [...metadataFaults(object, 'qualified'), ...added, ...metadataFaults(object, 'any'), ...ofKind];
}

function addedFinalizers(object: KubeObject, old: KubeObject): FieldError[] {
  const { finalizers = [], deletionTimestamp } = object.metadata;
  if (!deletionTimestamp) return [];
  const before = new Set(old.metadata.finalizers ?? []);
  const added = finalizers.filter((name) => !before.has(name));
  if (added.length === 0) return [];
  const list = `[]string{${added.map((name) => JSON.stringify(name)).join(', ')}}`;
  const fault: FieldError = {
    field: 'metadata.finalizers',
    reason: 'FieldValueForbidden',
    message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
  };
  return [fault, fault];
}
