/** The desk: one connection to the server, and everything this page knows from it. */
import {
  type AlertItem,
  type ArgsOf,
  type Call,
  type CallOptions,
  type Channel,
  type ChannelEvents,
  type ClosedAnswer,
  type ClosingApiName,
  type ConnectionState,
  type ExecutionItem,
  type OperationItem,
  type OrderItem,
  type PnlLine,
  RpcClient,
  RpcError,
  type ServerFrame,
  type Subscribed,
  type SubscriptionFrame,
} from "rpcclient";

import { withWord } from "./acknowledging.ts";
import { Asked } from "./asked.ts";
import { Board } from "./board.ts";
import { News } from "./news.ts";
import { Positions } from "./positions.ts";
import { Quotes } from "./quotes.ts";
import { type Rights, rightsOf } from "./rights.ts";
import { Sight } from "./sight.ts";
import { Story } from "./story.ts";
import { Vigil } from "./vigil.ts";

const PRESS_GOOD_MS = 30_000; // a press that waits for a connection longer is not carried out
const FOLLOWED_MAX = 50; // stories kept; the oldest that are over are forgotten
const HALT_CODES = ["halt_set", "halt_released", "limit_passed", "panic_pressed"];
const APPROVAL_CODES = ["approval_required", "approved", "broken_glass"];
const SWEEP_MS = 5_000;
const READ_ANEW_MS = 10_000;
const FAILED_SINCE_MS = 15 * 60_000;
const FAILED_MAX = 5; // operations: each is told from its first step
const EXECUTIONS_MAX = 500;
const ORDERS_MAX = 2_000; // and whatever works beyond: a page may hang on the wall for weeks
const OPERATIONS_MAX = 1_000;
const ENDED: ReadonlySet<string> = new Set(["filled", "canceled", "rejected", "expired"]);
const NOTICES_MAX = 20;
const KEEPALIVE_MS = 4_000; // a server that fell silent is found out within two of them
const PROFITS_MAX = 3_600; // points of the chart of an account: an hour

export interface Profit {
  readonly epoch: number;
  readonly accounts: readonly PnlLine[];
}

/** A closing call that a person made on this page, and what came of it. */
export interface Press {
  /** The one key of this press: however often it is sent, it is carried out once. */
  readonly key: string;
  readonly api: ClosingApiName;
  readonly args: Readonly<Record<string, unknown>>;
  readonly at: number;
  readonly story: Story;
}

/** An order that this page sent, and whose answer never came. */
export interface LostOrder {
  readonly orderId: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly quantity: string;
  readonly at: string;
}

export interface DeskOptions {
  readonly url: string;
  readonly token: string;
  /** Told once, when nothing is tried any more: the token is refused, say. */
  readonly onEnd: (why: Error) => void;
}

export class Desk {
  readonly client: RpcClient;
  /** Whether the server is heard; undoubtedly, unlike the client's own word after a sleep. */
  readonly connection: Vigil;
  /** Whether what is shown is what is. */
  readonly sight: Sight;
  readonly positions = new Positions();
  readonly orders = new Board<OrderItem>((order) => `${order.venue}:${order.orderId}`);
  readonly executions = new Board<ExecutionItem>((fill) => `${fill.venue}:${fill.tradeId}`);
  readonly operations = new Board<OperationItem>((operation) => operation.operationId);
  /** What was pressed here and nobody has put away yet. */
  readonly presses = new Board<Press>((press) => press.key);
  readonly alerts = new Board<AlertItem>((alert) => String(alert.auditSeq));
  /** Failures since the page was opened that nobody has seen to. */
  readonly news = new News();
  /** What stands, and what waits: no channel tells it to everybody. */
  readonly halts = new Asked(() => this.client.call("ListHalts"));
  readonly approvals = new Asked(() => this.client.call("ListApprovals"));
  readonly lost = new Board<LostOrder>((order) => order.orderId);
  /** What the server said about itself, such as `restarting`; the newest last. */
  readonly notices = new Board<ServerFrame & { readonly key: string }>((notice) => notice.key);
  /** Every second, for as long as the page is open. */
  profits: readonly Profit[] = [];
  readonly #stories = new Map<string, Story>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #profitWatchers = new Set<() => void>();
  readonly #quotes: Quotes;
  #noticed = 0;
  #isLeft = false;

  private constructor(private readonly options: DeskOptions) {
    this.client = new RpcClient({
      url: options.url,
      token: options.token,
      keepaliveMs: KEEPALIVE_MS,
      onNotice: (frame) => {
        this.#noticed += 1;
        this.notices.put({ ...frame, key: String(this.#noticed) });
        this.notices.trim(NOTICES_MAX);
      },
    });
    this.connection = new Vigil(this.client);
    this.sight = new Sight(this.client, this.connection);
    this.#quotes = new Quotes(this.client, this.positions);
    this.#timer = setInterval(() => {
      this.positions.sweep(this.client.serverNow());
    }, SWEEP_MS);
  }

  /**
   * Sign in, and hear of everything that the token may know of from then on.
   *
   * @throws ConnectionRefused: the token is not good, or this page may not connect.
   */
  static async open(options: DeskOptions): Promise<Desk> {
    const desk = new Desk(options);
    try {
      await desk.client.connect();
    } catch (error) {
      desk.close();
      throw error;
    }
    desk.#listen();
    return desk;
  }

  get rights(): Rights {
    return rightsOf(this.client.authenticated?.roles ?? []);
  }

  get principal(): string {
    return this.client.authenticated?.principal ?? "";
  }

  get state(): ConnectionState {
    return this.connection.state;
  }

  /** Leave. What the server has accepted goes on. */
  close(): void {
    this.#isLeft = true;
    clearInterval(this.#timer);
    this.#quotes.stop();
    this.halts.stop();
    this.approvals.stop();
    this.sight.close();
    this.connection.close();
    this.client.close();
  }

  /** The story of an operation, from its first step: now and as it goes on. */
  follow(operationId: string): Story {
    const known = this.#stories.get(operationId);
    if (known !== undefined) return known;
    const story = new Story(operationId);
    this.#keep(operationId, story);
    void story.follow(this.client.attach({ operationId }));
    return story;
  }

  /** Follow an operation from its first step once more, where steps of it were missed. */
  followAnew(operationId: string): Story {
    this.#stories.delete(operationId);
    return this.follow(operationId);
  }

  /**
   * Make a closing call under a key of its own, and follow it.
   *
   * One press is one key: a lost connection resends it, and nothing is closed twice. It stands
   * among `presses` until somebody has seen its end.
   */
  press<Api extends ClosingApiName>(api: Api, args: ArgsOf<Api>): Press {
    const client = this.client as {
      // every closing call answers so
      call(api: Api, args: ArgsOf<Api>, options: CallOptions): Call<ClosedAnswer>;
    };
    const story = new Story(undefined);
    const stop = story.watch(() => {
      if (story.operationId === undefined) return;
      stop();
      if (!this.#stories.has(story.operationId)) this.#keep(story.operationId, story);
    });
    const call = client.call(api, args, { goodForMs: PRESS_GOOD_MS });
    const press: Press = {
      key: call.key ?? call.requestId,
      api,
      args: args as Readonly<Record<string, unknown>>,
      at: Date.now(),
      story,
    };
    this.presses.put(press);
    void story.follow(call);
    return press;
  }

  #keep(operationId: string, story: Story): void {
    for (const [id, old] of this.#stories) {
      if (this.#stories.size < FOLLOWED_MAX) break;
      if (old.isOver) this.#stories.delete(id);
    }
    this.#stories.set(operationId, story);
    let told = 0;
    story.watch(() => {
      for (; told < story.frames.length; told += 1) {
        const step = story.frames[told];
        if (step !== undefined) this.positions.takeStep(step);
      }
    });
  }

  #listen(): void {
    this.client.onState((state) => {
      if (state.is === "ended" && !this.#isLeft) this.options.onEnd(state.because);
    });
    this.halts.start();
    this.approvals.start();
    const channels: Channel[] = ["positions", "orders", "operations"];
    if (this.rights.oversees) channels.push("alerts");
    void this.#watch(channels);
    void this.#watch(["executions"]); // read account by account: the map must not wait for that
    void this.#watchProfit();
    this.#quotes.start();
  }

  async #watch(channels: readonly Channel[]): Promise<void> {
    let readAnew: ReturnType<typeof setTimeout> | undefined;
    try {
      for (;;) {
        const subscription = this.client.subscribe(channels);
        for await (const frame of subscription) {
          this.#take(frame);
          if (frame.type !== "subscribed") continue;
          clearTimeout(readAnew);
          if (frame.unread.length === 0) continue;
          readAnew = setTimeout(() => {
            subscription.close(); // what could not be read is missing here until it is
          }, READ_ANEW_MS);
        }
      }
    } catch (error) {
      // It ends with the connection, whose state says why; or the server will not tell.
      if (error instanceof RpcError) this.sight.onRefused(error.message);
    } finally {
      clearTimeout(readAnew);
    }
  }

  #take(frame: SubscriptionFrame): void {
    switch (frame.type) {
      case "subscribed":
        if (frame.snapshot.positions !== undefined) this.#takeSnapshot(frame);
        if (frame.snapshot.executions !== undefined) {
          this.executions.replace(frame.snapshot.executions);
        }
        break;
      case "event":
        this.#takeEvent(frame);
        break;
      case "marketData":
        break; // asked for elsewhere: see `Quotes`
    }
  }

  #takeSnapshot({ snapshot, unread }: Subscribed): void {
    const { positions = [], orders = [], operations = [], alerts = [] } = snapshot;
    this.positions.replace(positions, unread);
    this.orders.replace(orders);
    this.operations.replace(operations);
    this.alerts.replace(alerts);
    this.news.catchUp(alerts, operations, this.rights.oversees);
    this.halts.refresh();
    this.approvals.refresh();
    if (this.rights.oversees) void this.#recallAlerts();
    this.#followRunning(operations);
    this.#followFailed(operations);
    this.sight.onSnapshot();
  }

  #takeEvent(frame: ChannelEvents): void {
    switch (frame.channel) {
      case "positions":
        this.positions.take(frame.items);
        break;
      case "orders":
        for (const item of frame.items) this.orders.put(item);
        this.orders.trim(ORDERS_MAX, ({ status }) => ENDED.has(status));
        break;
      case "executions":
        for (const item of frame.items) this.executions.put(item);
        this.executions.trim(EXECUTIONS_MAX);
        break;
      case "operations":
        for (const item of frame.items) {
          this.operations.put({ ...this.operations.get(item.operationId), ...item });
          if (!this.rights.oversees) this.news.takeOperation(item);
        }
        this.operations.trim(OPERATIONS_MAX, ({ status }) => status !== "running");
        this.#followRunning(frame.items);
        break;
      case "alerts":
        for (const item of frame.items) {
          this.#takeAlert(item);
          this.news.takeAlert(item);
        }
        this.#lookAfter(frame.items);
        break;
      case "audit":
        break;
    }
  }

  /** The snapshot has the newest; what nobody has acknowledged may be older. */
  async #recallAlerts(): Promise<void> {
    try {
      const { alerts } = await this.client.call("ListAlerts", { open: true, limit: 500 });
      for (const alert of alerts) {
        if (this.alerts.get(String(alert.auditSeq)) === undefined) this.alerts.put(alert);
      }
    } catch {
      // Those of the snapshot are there; the page of alerts says what is wrong.
    }
  }

  /** Some alerts say that what stands or waits is not what it was. */
  #lookAfter(items: readonly AlertItem[]): void {
    const codes = new Set(items.map(({ code }) => code));
    if (HALT_CODES.some((code) => codes.has(code))) this.halts.refresh();
    if (APPROVAL_CODES.some((code) => codes.has(code))) this.approvals.refresh();
  }

  /** An acknowledgement is an item of its own: it belongs to the alert that it speaks of. */
  #takeAlert(item: AlertItem): void {
    const alert =
      item.acknowledges === undefined ? undefined : this.alerts.get(String(item.acknowledges));
    this.alerts.put(alert === undefined ? item : withWord(alert, item));
  }

  /** What failed shortly before this page was opened shows on the map, too. */
  #followFailed(operations: readonly OperationItem[]): void {
    const since = this.client.serverNow() - FAILED_SINCE_MS;
    const failed = operations.filter(
      ({ status, success, dryRun, finishedAt }) =>
        status !== "running" &&
        success === false &&
        dryRun !== true &&
        finishedAt !== undefined &&
        Date.parse(finishedAt) > since,
    );
    for (const { operationId } of failed.slice(-FAILED_MAX)) this.follow(operationId);
  }

  /** What is at work shows on the map, whoever began it. */
  #followRunning(operations: readonly OperationItem[]): void {
    for (const { operationId, status, dryRun } of operations) {
      if (status === "running" && dryRun !== true) this.follow(operationId);
    }
  }

  async #watchProfit(): Promise<void> {
    try {
      for await (const { epoch, accounts } of this.client.streamPnl()) {
        this.sight.onProfit(accounts);
        this.positions.doubt(accounts.filter(({ connected }) => !connected));
        this.profits = [...this.profits.slice(1 - PROFITS_MAX), { epoch, accounts }];
        for (const tell of [...this.#profitWatchers]) tell();
      }
    } catch {
      // It ends with the connection, whose state says why.
    }
  }

  /** Be told of each new point of `profits`. */
  watchProfits(tell: () => void): () => void {
    this.#profitWatchers.add(tell);
    return () => this.#profitWatchers.delete(tell);
  }
}
