import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { orderDuration } from '../acme/orders.ts';
import type { Manager } from '../manager.ts';
import { controllerReference, isControlledBy, isFailure, orders, quote, unbase64 } from '../objects.ts';
import { readCertificate } from '../pki/certificate.ts';
import { tellList } from '../pki/matching.ts';
import { commonName as commonNameOid, type Request, readRequest } from '../pki/request.ts';
import { nameByHash } from '../short-names.ts';
import type { Sign } from './issuer-loop.ts';

const strayName =
  'The CSR PEM requests a commonName that is not present in the list of dnsNames or ipAddresses. If a commonName is set, ACME requires that the value is also present in the list of dnsNames or ipAddresses';

/** Has an Order made and waits for its certificate. */
export function createAcmeSigner(manager: Manager): Sign {
  return async ({ request, issuer, report, log }) => {
    let read: Request;
    try {
      read = readRequest(unbase64(request.spec.request));
    } catch (error) {
      const [message, why] = ['Failed to decode CSR in spec.request', (error as Error).message];
      log.error('acme.go:131', why, message);
      return { status: report.failed('RequestParsingError', message, why) };
    }
    const { names } = read;
    const commonName = read.subject.getField(commonNameOid).at(-1) ?? '';
    if (commonName && !names.dns.includes(commonName) && !names.ip.includes(commonName)) {
      const why = `${quote(commonName)} does not exist in ${tellList(names.dns)} or ${tellList(names.ip)}`;
      return { status: report.failed('InvalidOrder', strayName, why) };
    }
    const wanted = orderFor(request, issuer, read, commonName);
    const { name = '', namespace = '' } = wanted.metadata;
    const order = manager.informer(orders).get(name, namespace);
    if (!order) {
      try {
        await manager.create(orders, wanted);
      } catch (error) {
        const message = `Failed create new order resource ${namespace}/${name}`;
        log.error('acme.go:178', (error as Error).message, message);
        return { status: report.pending('OrderCreatingError', message, (error as Error).message) };
      }
      return { status: report.pending('OrderCreated', `Created Order resource ${namespace}/${name}`) };
    }
    if (!isControlledBy(order, request))
      throw new Error('found Order resource not owned by this CertificateRequest, retrying');
    const { state = '', reason = '', certificate } = order.status ?? {};
    if (isFailure(state)) {
      const message = `Failed to wait for order resource ${quote(name)} to become ready`;
      return { status: report.failed('OrderFailed', message, `order is in ${quote(state)} state: ${reason}`) };
    }
    if (state !== 'valid') {
      const message = `Waiting on certificate issuance from order ${namespace}/${name}: ${quote(state)}`;
      return { status: report.pending('OrderPending', message) };
    }
    if (!certificate) {
      const message = `Waiting for order-controller to add certificate data to Order ${namespace}/${name}`;
      return { status: report.pending('OrderPending', message) };
    }
    const chain = unbase64(certificate);
    if (!readCertificate(chain).fast.publicKey.equals(read.publicKey)) {
      log.error(
        'acme.go:255',
        undefined,
        'The public key in Order.Status.Certificate does not match the public key in CertificateRequest.Spec.Request. Deleting the order.',
      );
      await manager.remove(orders, order, true);
      return undefined;
    }
    log.info('acme.go:259', 'certificate issued', {}, 2);
    return { issued: { certificate: chain } };
  };
}

function orderFor(request: KubeObject, issuer: KubeObject, { names }: Request, commonName: string): KubeObject {
  const { metadata, spec } = request;
  const { enableDurationFeature, profile } = issuer.spec.acme;
  const duration = enableDurationFeature ? orderDuration(spec.duration) : undefined;
  const rest: Loose = {
    issuerRef: referenceOf(spec.issuerRef),
    ...(commonName && { commonName }),
    ...(names.dns.length > 0 && { dnsNames: names.dns }),
    ...(names.ip.length > 0 && { ipAddresses: names.ip }),
    ...(duration && { duration }),
    ...(profile && { profile }),
  };
  // The name is made without the request, so that a second one for the same names is the same Order.
  const unnamed = { request: null, ...rest };
  const name = metadata.name ?? '';
  const hashed = name.length >= 52 ? { certificateRequestName: name, spec: unnamed } : unnamed;
  return {
    apiVersion: 'acme.cert-manager.io/v1',
    kind: 'Order',
    metadata: {
      name: nameByHash(name, JSON.stringify(hashed)),
      namespace: metadata.namespace ?? '',
      ...(metadata.labels && { labels: metadata.labels }),
      ...(metadata.annotations && { annotations: metadata.annotations }),
      ownerReferences: [controllerReference(request)],
    },
    spec: { request: spec.request, ...rest },
  };
}

/** Its fields in the order in which Go writes them. */
const referenceOf = ({ name, kind, group }: Loose): Loose => ({ name, ...(kind && { kind }), ...(group && { group }) });
