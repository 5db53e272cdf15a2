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
  /** Of the plan's rounds, where one takes seconds. */
  maxRounds?: number;
  /** Whether each window has processes of its own: what they cost is luck with their memory. */
  afresh?: boolean;
  /** Times the plan's warm-up, where few messages a second leave code uncompiled for longer. */
  warmUp: number;
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
  /** Of its core, 0 to 1: what other processes and the hypervisor took during the window. */
  others?: number;
  steal?: number;
}

/** The peers that others are divided by. */
export type Baseline = 'floor' | 'floor-shared' | 'ws' | 'bun' | 'before' | 'sanswire';

export interface PeerResult {
  peer: string;
  samples: Sample[];
  median: Sample;
  /** Medians of the ratios of each round, so that a slow minute of the machine cancels out. */
  ratios: Partial<Record<Baseline, number>>;
  failure?: string;
}

/** How undisturbed a row was; the limits are in runner/disturbance.mjs. */
export interface Disturbance {
  /** Windows in which others took too much of a core, as a share of all. */
  windows: number;
  /** The widest MAD / median of the rounds of the floors and of ws. */
  spread: number;
  /** Why the row gets no verdict; empty on a quiet machine. */
  reasons: string[];
  /** How often the row was measured again for it. */
  repeats: number;
}

export interface WorkloadResult {
  id: string;
  group: string;
  title: string;
  metric: Metric;
  per: string;
  peers: PeerResult[];
  disturbance: Disturbance;
}

/** Rows under one Node; the ratios of rows are compared between Nodes, their times are not. */
export interface NodeResult {
  version: string;
  workloads: WorkloadResult[];
}

export interface Target {
  workload: string;
  /** A ratio to a peer, or a plain bound on one value of the sample. */
  against: Baseline | 'absolute';
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
  outcome: 'pass' | 'miss' | 'disturbed' | 'not measured';
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

/** How busy the machine was besides the bench. */
export interface MachineLoad {
  /** Over one minute. */
  averageAtStart: number;
  averageAtEnd: number;
  /** Of all cores, 0 to 1, over the run; undefined where the kernel does not tell. */
  steal?: number;
}

export interface Report {
  format: 2;
  startedAt: string;
  seconds: number;
  machine: Machine;
  load: MachineLoad;
  options: { rounds: number; windowMs: number; quick: boolean };
  workloads: WorkloadResult[];
  /** The table of `--nodes`; a run has this or workloads. */
  nodes: NodeResult[];
  verdicts: Verdict[];
  skipped: string[];
}
