import type { Gvr, KubeObject } from '../../../../../kubernetes/object.ts';
import { Accounts } from './acme/accounts.ts';
import { createChallenges, createScheduler } from './acme/challenges.ts';
import { createOrders } from './acme/orders.ts';
import { createIssuing } from './certificates/issuing.ts';
import { createKeyManager } from './certificates/key-manager.ts';
import { createReadiness } from './certificates/readiness.ts';
import { createRequestManager } from './certificates/request-manager.ts';
import { createRevisionManager } from './certificates/revision-manager.ts';
import { createTrigger } from './certificates/trigger.ts';
import { createAcmeSetUp } from './issuers/acme-account.ts';
import { createAuthoritySetUp, createIssuers, createSelfSignedSetUp, createUnplayedSetUp } from './issuers/issuers.ts';
import { type Manager, retries } from './manager.ts';
import * as resources from './objects.ts';
import {
  certificates,
  challenges,
  clusterIssuers,
  controllerOf,
  ingresses,
  issuers,
  keyOf,
  orders,
  pods,
  requests,
  secrets,
  services,
} from './objects.ts';
import { createAcmeSigner } from './requests/acme.ts';
import { createApprover } from './requests/approver.ts';
import { createIssuerLoop, type Sign } from './requests/issuer-loop.ts';
import { createAuthority, createSelfSigned } from './requests/signers.ts';

import { createIngressShim } from './shim/ingress-shim.ts';

type Add = (key: string) => void;

/** Every loop by the name the flag `--controllers` gives it, with what wakes it. */
export interface Loop {
  name: string;
  /** The collections it must know before it starts. */
  needs: Gvr[];
  start(): void;
}

/** The loops of the controller. None works before all collections it looks at are known. */
export function createLoops(manager: Manager): Loop[] {
  const accounts = new Accounts(manager);
  return [
    ...certificateLoops(manager),
    ...issuerLoops(manager, accounts),
    ...requestLoops(manager),
    ...acmeLoops(manager, accounts),
    ingressShim(manager),
  ];
}

/** Tells of the object as it is, or was last. */
function follow(manager: Manager, resource: Gvr, tell: (object: KubeObject) => void): void {
  manager.informer(resource).on((now, before) => {
    const object = now ?? before;
    if (object) tell(object);
  });
}

function addOwner(object: KubeObject, kind: string, add: Add): void {
  const owner = controllerOf(object);
  if (owner?.kind === kind) add(`${object.metadata.namespace}/${owner.name}`);
}

function certificateLoops(manager: Manager): Loop[] {
  const loop = (
    name: string,
    make: (after: (key: string, milliseconds: number) => void) => (key: string) => Promise<void>,
  ): Loop => ({
    name,
    needs: [certificates, requests, secrets],
    start() {
      const queue = manager.loop(name, retries.certificate, (key) => work(key));
      const work = make((key, milliseconds) => queue.addAfter(key, milliseconds));
      followCertificates(manager, (key) => queue.add(key));
    },
  });
  return [
    loop('certificates-trigger', (after) => createTrigger(manager, after)),
    loop('certificates-key-manager', () => createKeyManager(manager)),
    loop('certificates-request-manager', () => createRequestManager(manager)),
    loop('certificates-issuing', () => createIssuing(manager)),
    loop('certificates-readiness', () => createReadiness(manager)),
    loop('certificates-revision-manager', () => createRevisionManager(manager)),
  ];
}

/** A Certificate is looked at when it changes, and when its requests or its Secrets do. */
function followCertificates(manager: Manager, add: Add): void {
  follow(manager, certificates, (certificate) => add(keyOf(certificate)));
  follow(manager, requests, (request) => addOwner(request, 'Certificate', add));
  follow(manager, secrets, (secret) => {
    addOwner(secret, 'Certificate', add);
    const { name, namespace } = secret.metadata;
    for (const certificate of manager.informer(certificates).list(namespace))
      if (certificate.spec.secretName === name || certificate.status?.nextPrivateKeySecretName === name)
        add(keyOf(certificate));
  });
}

function issuerLoops(manager: Manager, accounts: Accounts): Loop[] {
  const unplayed = createUnplayedSetUp(manager);
  const setUps = {
    acme: createAcmeSetUp(manager, accounts),
    ca: createAuthoritySetUp(manager),
    selfsigned: createSelfSignedSetUp(manager),
    vault: unplayed,
    venafi: unplayed,
  };
  return [issuers, clusterIssuers].map((resource) => ({
    name: resource.resource,
    needs: [resource, secrets],
    start() {
      const queue = manager.loop(resource.resource, retries.item, createIssuers(manager, resource, setUps));
      follow(manager, resource, (issuer) => queue.add(keyOf(issuer)));
      follow(manager, secrets, (secret) => {
        for (const issuer of manager.informer(resource).list())
          if (
            manager.namespaceFor(issuer) === secret.metadata.namespace &&
            secretsOf(issuer).includes(secret.metadata.name)
          )
            queue.add(keyOf(issuer));
      });
    },
  }));
}

/** Names of the Secrets an issuer rests on. */
function secretsOf({ spec }: KubeObject): (string | undefined)[] {
  const { acme, ca } = spec;
  return [ca?.secretName, acme?.privateKeySecretRef?.name, acme?.externalAccountBinding?.keySecretRef?.name];
}

function requestLoops(manager: Manager): Loop[] {
  const signers: [string, Sign | undefined][] = [
    ['acme', createAcmeSigner(manager)],
    ['ca', createAuthority(manager)],
    ['selfsigned', createSelfSigned(manager)],
    ['vault', undefined],
    ['venafi', undefined],
  ];
  const approver: Loop = {
    name: 'certificaterequests-approver',
    needs: [requests],
    start() {
      const queue = manager.loop(this.name, retries.item, createApprover(manager));
      follow(manager, requests, (request) => queue.add(keyOf(request)));
    },
  };
  return [
    approver,
    ...signers.map(
      ([type, sign]): Loop => ({
        name: `certificaterequests-issuer-${type}`,
        needs: [requests, issuers, clusterIssuers, secrets, ...(type === 'acme' ? [orders] : [])],
        start() {
          const queue = manager.loop(this.name, retries.item, createIssuerLoop(manager, type, sign));
          follow(manager, requests, (request) => queue.add(keyOf(request)));
          for (const resource of [issuers, clusterIssuers])
            follow(manager, resource, (issuer) => {
              for (const request of manager.informer(requests).list(issuer.metadata.namespace))
                if (isFor(request, issuer)) queue.add(keyOf(request));
            });
          if (type === 'acme') follow(manager, orders, (order) => addOwner(order, 'CertificateRequest', queue.add));
          if (type === 'selfsigned')
            follow(manager, secrets, (secret) => {
              for (const request of manager.informer(requests).list(secret.metadata.namespace))
                if (request.metadata.annotations?.[resources.key.privateKey] === secret.metadata.name)
                  queue.add(keyOf(request));
            });
        },
      }),
    ),
  ];
}

const isFor = ({ spec }: KubeObject, issuer: KubeObject): boolean =>
  resources.issuerKind(spec.issuerRef) === issuer.kind && spec.issuerRef.name === issuer.metadata.name;

function acmeLoops(manager: Manager, accounts: Accounts): Loop[] {
  return [
    {
      name: 'orders',
      needs: [orders, challenges, issuers, clusterIssuers, secrets],
      start() {
        const queue = manager.loop(this.name, retries.acme, (key) => work(key));
        const work = createOrders(manager, accounts, (key, milliseconds) => queue.addAfter(key, milliseconds));
        follow(manager, orders, (order) => queue.add(keyOf(order)));
        follow(manager, challenges, (challenge) => addOwner(challenge, 'Order', queue.add));
        for (const resource of [issuers, clusterIssuers])
          follow(manager, resource, (issuer) => {
            for (const order of manager.informer(orders).list(issuer.metadata.namespace))
              if (isFor(order, issuer)) queue.add(keyOf(order));
          });
      },
    },
    {
      name: 'challenges',
      needs: [challenges, issuers, clusterIssuers, secrets, pods, services, ingresses],
      start() {
        const queue = manager.loop(this.name, retries.acme, (key) => work(key));
        const work = createChallenges(manager, accounts, (key, milliseconds) => queue.addAfter(key, milliseconds));
        const schedule = manager.loop('challenges-scheduler', retries.certificate, createScheduler(manager));
        follow(manager, challenges, (challenge) => {
          queue.add(keyOf(challenge));
          schedule.add('all');
        });
      },
    },
  ];
}

function ingressShim(manager: Manager): Loop {
  return {
    name: 'ingress-shim',
    needs: [ingresses, certificates],
    start() {
      const queue = manager.loop(this.name, retries.item, createIngressShim(manager));
      follow(manager, ingresses, (ingress) => queue.add(keyOf(ingress)));
      follow(manager, certificates, (certificate) => addOwner(certificate, 'Ingress', queue.add));
    },
  };
}
