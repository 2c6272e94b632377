import { BY_CACHE } from '../../backends/arguments.js';
import type { Backend } from '../../backends/backend.js';
import { gatheringOf, isPrivate, nowOf } from '../../backends/guarantees.js';
import type { InvalidationBus } from '../../backends/invalidation-bus.js';
import { SealingCodec } from '../../codec/sealing-codec.js';
import type { ValueCodec } from '../../codec/value-codec.js';
import type { BackendError } from '../../errors.js';
import { GuardedBackends } from './backend-guard.js';
import { BusLink } from './bus-link.js';
import { Checks } from './checks.js';
import type { BreakerState } from './circuit-breaker.js';
import { Coherence } from './coherence.js';
import { EntryStore } from './entry-store.js';
import { events } from './events.js';
import { FailedLoads } from './failed-loads.js';
import { type FailurePolicy, Failures } from './failure-policy.js';
import type { L1Settings } from './first-tier.js';
import type { Found } from './found.js';
import type { GuardSettings } from './guard.js';
import { Invalidations } from './invalidations.js';
import { L1 } from './l1.js';
import { L2 } from './l2.js';
import { Loader, type Outcome } from './loader.js';
import { Policies, type PolicySettings } from './policy.js';
import type { PrivateNames } from './private-keys.js';
import { Reads } from './reads.js';
import type { Registry } from './registry.js';
import { RewrapOnRead } from './rewrap-on-read.js';
import { SingleFlight } from './single-flight.js';
import { Tiers } from './tiers.js';
import { ValueL1 } from './value-l1.js';

/** What a store is made of; each part of it takes its own of the settings. Times are in milliseconds. */
export interface StoreSettings extends PolicySettings, FailurePolicy, Omit<GuardSettings, 'onState'> {
  readonly codec: ValueCodec;
  readonly backend: Backend | undefined;
  readonly namespace: string | undefined;
  /** undefined: the backend sees cache keys and tags. */
  readonly names: PrivateNames | undefined;
  /** undefined: none. */
  readonly bus: InvalidationBus | undefined;
  /** undefined: there is none to be kept. */
  readonly registry: Registry | undefined;
  /** Whether what a previous key has sealed is sealed with the current one when it is read. */
  readonly rewrapOnRead: boolean;
  /** undefined: no copies in this process. */
  readonly l1:
    | (Omit<L1Settings, 'graceMs'> & {
        readonly maxBytes: number;
        /** Decoded values rather than stored bytes. */
        readonly values: boolean;
        readonly invalidation: boolean;
      })
    | undefined;
}

export function openStore(settings: StoreSettings): EntryStore {
  const { codec, backend, l1: copies, names, namespace } = settings;
  const graceMs = Math.max(settings.swrMs, settings.staleIfErrorMs);
  const failures = new Failures(settings);
  let breaker = backend && settings.breaker && ('closed' as BreakerState);
  const onState: GuardSettings['onState'] = (state) => {
    breaker = state;
    if (events.breaker.hasSubscribers) events.breaker.publish({ namespace, state });
  };
  const backends = backend && new GuardedBackends(backend, { ...settings, onState });
  const l2 =
    backend &&
    backends &&
    new L2({
      backend: backends.own,
      private: isPrivate(backend),
      // What is sealed anew when it is read has to be read by those who see to that.
      getNow: settings.rewrapOnRead ? undefined : nowOf(backend),
      beforeTick: gatheringOf(backend),
      options: {
        ...(isPrivate(backend) ? BY_CACHE : {}),
        signal: settings.signal,
        l1: copies === undefined ? 'disabled' : 'miss',
      },
      names,
      registry: settings.registry,
      failures,
    });
  // Without a backend L1's entries are no copies.
  const own = l2 === undefined ? { ttlMs: Number.POSITIVE_INFINITY } : {};
  const kept = { ttlMs: copies?.ttlMs ?? 0, ...own, graceMs };
  const l1 = copies && (copies.values ? new ValueL1(copies.maxBytes, kept) : new L1(copies.maxBytes, codec, kept));
  const policies = new Policies(settings, backends, (ms) => l1?.keepFor(ms));
  const failed = new FailedLoads();
  const flights = new SingleFlight<Found, Outcome>();
  const invalidations = new Invalidations();
  // Private names tell nothing that L1 could look up.
  const watch = copies?.invalidation && names === undefined ? backend?.watch?.bind(backend) : undefined;
  const listens = copies?.invalidation ?? false;
  const bus = linkOf(settings, (error) => {
    coherence.untracked = error;
  });
  const coherence = new Coherence({
    backend,
    watch,
    bus,
    listens,
    l1,
    l2,
    invalidations,
    flights,
    failed,
    failures,
  });
  const keepValues = copies?.values ?? false;
  const onRead =
    settings.rewrapOnRead && l2 && codec instanceof SealingCodec ? new RewrapOnRead(codec, l2, names).read : undefined;
  const tiers = new Tiers({ codec, l1, l2, keepValues, failures, invalidations, coherence, onRead });
  const checks = new Checks(tiers, failures);
  const loader = new Loader(tiers, flights, failures, failed, checks);
  const reads = new Reads({ codec, tiers, flights, coherence, checks });
  const usage = () => ({ ...(l1?.usage ?? { l1Entries: 0, l1Bytes: 0 }), breaker });
  const parts = { codec, tiers, reads, loader, failures, failed, flights, coherence, policies, checks, usage };
  return new EntryStore(parts);
}

function linkOf(
  { bus, backend, names, codec, namespace }: StoreSettings,
  failed: (error: BackendError) => void,
): BusLink | undefined {
  if (bus === undefined || backend === undefined) return undefined;
  const sealed = names !== undefined && codec instanceof SealingCodec && namespace !== undefined;
  const sealing = sealed ? { codec: codec.forOwnValues<string>(), namespace } : undefined;
  return new BusLink({ bus, backend, sealing, failed });
}
