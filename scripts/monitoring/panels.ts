import { metric } from './metrics.js';

/** An expression, and what its series are called: Grafana puts a label's value for `{{label}}`. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly help: string;
  /** `stat`: the last value as a number. */
  readonly type: 'stat' | 'timeseries';
  /** As Grafana calls it. */
  readonly unit: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly stacked?: boolean;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const cache = 'cache=~"$cache"';
const keyring = 'keyring=~"$keyring"';

/** Of all processes. */
const perSecond = (name: string, by = 'cache') => `sum by (${by}) (rate(${metric(name)}{${cache}}[$__rate_interval]))`;
const total = (name: string) => `sum(rate(${metric(name)}{${cache}}[$__rate_interval]))`;
const keysPerSecond = (name: string) =>
  `sum by (keyring, fingerprint) (rate(${metric(name)}{${keyring}}[$__rate_interval]))`;
const quantile = (q: number, name: string) =>
  `histogram_quantile(${q}, sum by (cache, le) (rate(${metric(name, 'bucket')}{${cache}}[$__rate_interval])))`;

const ofCaches = (name: string, legend = '{{cache}}'): Query => ({ expr: perSecond(name), legend });

function panel(
  title: string,
  help: string,
  unit: string,
  width: number,
  queries: readonly Query[],
  more: Partial<Panel> = {},
): Panel {
  return { title, help, type: 'timeseries', unit, width, queries, ...more };
}

const STAT = { type: 'stat' } as const;

/** What an operator sees, the most important first. */
export const ROWS: readonly Row[] = [
  {
    title: 'Now',
    panels: [
      panel(
        'Hit ratio',
        'Calls answered with a stored value, of all that asked for one.',
        'percentunit',
        6,
        [{ expr: `${total('hits')} / (${total('hits')} + ${total('misses')})`, legend: 'hit ratio' }],
        STAT,
      ),
      panel(
        'Open circuit breakers',
        'Processes whose backend is left alone because it fails.',
        'none',
        6,
        [{ expr: `sum(${metric('breaker.state')}{${cache}, state="open"})`, legend: 'open' }],
        STAT,
      ),
      panel(
        'Entries that did not open, last hour',
        'Altered, or of another key, tenant or cache key.',
        'none',
        6,
        [{ expr: `sum(increase(${metric('authentication_failures')}{${cache}}[1h]))`, legend: 'not opened' }],
        STAT,
      ),
      panel(
        'Previous keys held',
        'With one, a rotation is under way.',
        'none',
        6,
        [{ expr: `max(${metric('keyring.keys')}{${keyring}, position="previous"})`, legend: 'previous keys' }],
        STAT,
      ),
    ],
  },
  {
    title: 'Traffic',
    panels: [
      panel(
        'Calls by answer',
        'From this process (L1), from the backend, past the TTL, or not stored.',
        'reqps',
        8,
        [
          { expr: total('l1_hits'), legend: 'L1' },
          { expr: `${total('hits')} - ${total('l1_hits')}`, legend: 'backend' },
          { expr: total('stale_hits'), legend: 'stale' },
          { expr: total('misses'), legend: 'miss' },
        ],
        { stacked: true },
      ),
      panel('Hit ratio by cache', 'Of calls that asked for a value.', 'percentunit', 8, [
        { expr: `${perSecond('hits')} / (${perSecond('hits')} + ${perSecond('misses')})`, legend: '{{cache}}' },
      ]),
      panel('Runs of functions', 'What misses cost.', 'ops', 8, [
        ofCaches('loads'),
        ofCaches('load_errors', '{{cache}} failed'),
      ]),
    ],
  },
  {
    title: 'Latency',
    panels: [
      panel('Backend reads', 'Half and all but one in a hundred take at most so long.', 's', 8, [
        { expr: quantile(0.5, 'read.duration'), legend: '{{cache}} p50' },
        { expr: quantile(0.99, 'read.duration'), legend: '{{cache}} p99' },
      ]),
      panel('Backend writes', 'All but one in a hundred take at most so long.', 's', 8, [
        { expr: quantile(0.99, 'write.duration'), legend: '{{cache}} p99' },
      ]),
      panel('Functions', 'All but one in a hundred runs take at most so long.', 's', 8, [
        { expr: quantile(0.99, 'load.duration'), legend: '{{cache}} p99' },
      ]),
    ],
  },
  {
    title: 'Trouble',
    panels: [
      panel('Backend errors', 'Operations that failed, and those not tried while the breaker is open.', 'ops', 8, [
        ofCaches('backend_errors'),
      ]),
      panel('Circuit breakers', '2: open in a process; 1: one operation tries; 0: closed.', 'none', 8, [
        {
          expr: `max by (cache) (2 * ${metric('breaker.state')}{${cache}, state="open"} or ${metric('breaker.state')}{${cache}, state="half-open"})`,
          legend: '{{cache}}',
        },
      ]),
      panel('Entries that could not be used', 'Each is a miss. Those that do not open may be an attack.', 'ops', 8, [
        ofCaches('authentication_failures', '{{cache}} does not open'),
        ofCaches('invalid_values', '{{cache}} does not pass validate'),
        ofCaches('unknown_keys', '{{cache}} unknown key'),
        ofCaches('unreadable_values', '{{cache}} unreadable'),
      ]),
      panel('Values that were not stored', 'Their callers got them, and get them made again each time.', 'ops', 8, [
        ofCaches('refused_values', '{{cache}} refused'),
        ofCaches('oversize_values', '{{cache}} too large'),
      ]),
      panel('Waits for other processes', 'With lock: for the one that runs the function.', 'ops', 8, [
        ofCaches('lock_waits'),
      ]),
      panel('L1', 'Bytes in each process, on average.', 'bytes', 8, [
        { expr: `avg by (cache) (${metric('l1_bytes')}{${cache}})`, legend: '{{cache}}' },
      ]),
    ],
  },
  {
    title: 'Keys',
    panels: [
      panel('Seals by master key', 'The current key alone seals.', 'ops', 8, [
        { expr: keysPerSecond('key.seals'), legend: '{{fingerprint}}' },
      ]),
      panel('Opens by master key', 'A previous key that still opens is still needed.', 'ops', 8, [
        { expr: keysPerSecond('key.opens'), legend: '{{fingerprint}}' },
      ]),
      panel('Time since a key was last needed', 'In any process that has needed it.', 's', 8, [
        {
          expr: `time() - max by (keyring, fingerprint) (${metric('key.last_needed.timestamp')}{${keyring}})`,
          legend: '{{fingerprint}}',
        },
      ]),
      panel('Keys by position', 'In the process that holds the most.', 'none', 8, [
        {
          expr: `max by (keyring, position) (${metric('keyring.keys')}{${keyring}})`,
          legend: '{{keyring}} {{position}}',
        },
      ]),
      panel('Positions of keys', 'How many processes hold a key as what: they should agree.', 'none', 8, [
        {
          expr: `count by (fingerprint, position) (${metric('key.info')}{${keyring}})`,
          legend: '{{fingerprint}} {{position}}',
        },
      ]),
      panel('Nonces left', 'In the process that has the fewest, of 4,294,967,296.', 'none', 8, [
        {
          expr: `min by (keyring, sequence) (${metric('nonces.remaining')}{${keyring}})`,
          legend: '{{keyring}} {{sequence}}',
        },
      ]),
    ],
  },
];
