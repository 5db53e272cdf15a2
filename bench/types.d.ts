/**
 * The shapes that the processes of the bench hand each other, for the JSDoc of the .mjs files.
 *
 * Types only: nothing here runs. Times are microseconds unless the name says otherwise, sizes are
 * bytes.
 */

/** What a subject is asked to be; see subject.mjs. */
export type Role = 'server' | 'client' | 'codec';

/** What a load does with its connections; one module in load/ for each, but for `codec`. */
export type LoadKind =
  | 'echo'
  | 'client-echo'
  | 'broadcast'
  | 'event-source'
  | 'handshake'
  | 'idle'
  | 'bomb'
  | 'codec';

/** One row of workloads.mjs. */
export interface Workload {
  /** What `--only` matches, and the key in the JSON. */
  id: string;
  group: string;
  title: string;
  kind: LoadKind;
  /** Names of the peers that can take part; the runner drops those that are missing. */
  peers: string[];
  /** The value that the ratios are about. */
  metric: Metric;
  /** One of what: a message, a delivery, a handshake. */
  per: string;
  quick: boolean;
  connections: number;
  inFlight: number;
  text: boolean;
  /** The cycle of payload lengths; a negative length is a ping with a payload that long. */
  sizes: number[];
  /** Into how many frames each message is cut. */
  fragments: number;
  /**
   * ASCII letters, words of several scripts, JSON rows that compress easily, or JSON of chat
   * messages that do not.
   */
  content: 'ascii' | 'unicode' | 'table' | 'chat';
  secure: boolean;
  deflate: boolean;
  /** How a broadcasting server sends: a loop of send, or its way of making the frame once. */
  prepared: boolean;
  /** Whether round-trip times are taken (they cost the load generator two clock reads a batch). */
  latency: boolean;
  /** Whether the subject watches its event-loop delay (a timer every millisecond). */
  loopDelay: boolean;
  /** The server's message limit; undefined leaves each peer its default. */
  maxLength?: number;
  direction?: 'parse' | 'serialize';
}

export type Metric = 'cpu' | 'memory' | 'growth';

/** What a subject process is told on its first line. */
export interface SubjectConfiguration {
  role: Role;
  peer: string;
  workload: Workload;
  certificate?: { key: string; cert: string };
  /** Where a client connects to. */
  url?: string;
  /** For the floor, which does not parse: the cycle of request lengths and of answer lengths. */
  shape: { requests: number[]; answers: number[] };
}

/** What a peer module gives; a feature that is not there is reported and skipped. */
export interface Peer {
  serve?(configuration: SubjectConfiguration): Promise<number>;
  connect?(configuration: SubjectConfiguration): Promise<void>;
  codec?(configuration: SubjectConfiguration): Promise<Codec>;
}

/** Handles one cycle of messages that lie in memory and tells how many they were. */
export interface Codec {
  cycle(): number;
  /** Messages that came out so far, when parsing; checked against what went in. */
  parsed?(): number;
}

/**
 * One measured window; only `cpu`, `memory` or `growth` is always there, by the workload's metric.
 */
export interface Sample {
  /** Microseconds of CPU (user + sys) of the subject for each message. */
  cpu?: number;
  perSecond?: number;
  rss?: number;
  /** Of one core, 0 to 1. */
  subjectShare?: number;
  loadShare?: number;
  p50?: number;
  p99?: number;
  /** Bytes that the server sent for each message. */
  wire?: number;
  /** Milliseconds. */
  loopDelayP99?: number;
  /** Bytes of RSS for each connection. */
  memory?: number;
  /** Bytes of RSS at the peak over RSS before. */
  growth?: number;
  count?: number;
}

export interface PeerResult {
  peer: string;
  samples: Sample[];
  median: Sample;
  /** Medians of the ratios of each round, so that a slow minute of the machine cancels out. */
  toWs?: number;
  toFloor?: number;
  failure?: string;
}

export interface WorkloadResult {
  id: string;
  group: string;
  title: string;
  metric: Metric;
  per: string;
  peers: PeerResult[];
}

export interface Target {
  workload: string;
  /** A ratio to a peer, or a plain bound on one value of the sample. */
  against: 'ws' | 'floor' | 'sanswire' | 'absolute';
  /** The peer that the target is for; `sanswire` when absent. */
  subject?: string;
  value: keyof Sample;
  atMost: number;
  /** How the bound reads in the table. */
  label: string;
}

export interface Verdict extends Target {
  title: string;
  actual: number | undefined;
  outcome: 'pass' | 'miss' | 'not measured';
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  node: string;
  pinned: boolean;
  subjectCore: number | undefined;
  loadCore: number | undefined;
  versions: Record<string, string>;
}

export interface Report {
  format: 1;
  startedAt: string;
  machine: Machine;
  options: { rounds: number; windowMs: number; quick: boolean };
  workloads: WorkloadResult[];
  verdicts: Verdict[];
  skipped: string[];
}
