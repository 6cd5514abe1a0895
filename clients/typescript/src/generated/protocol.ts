// Generated from the server's own types by `make generate`: do not edit.

/** What a step of an operation says. */
export type ProgressEvent = "opened" | "snapshot" | "scope_widened" | "account_failed" | "found_more" | "planned" | "plan_completed" | "canceling" | "fence_passed" | "sending" | "working" | "filled" | "unknown" | "canceled" | "expired" | "rejected" | "never_existed" | "unsent" | "position_adopted" | "gate_closed" | "gate_opened" | "resolved" | "verified" | "leg_ended" | "cancel_requested" | "deadline_passed" | "recovered";

/** How a leg ended. */
export type Outcome = "flat" | "reduced" | "dust" | "partial" | "rejected" | "waiting_market" | "unknown" | "excluded" | "cancelled";

/** Every error code, its HTTP-like number, and what the caller may do. */
export const ERRORS = {
  malformed_frame: {"status": 400, "remedy": "repair"},
  binary_frame: {"status": 400, "remedy": "repair"},
  frame_too_large: {"status": 413, "remedy": "repair"},
  unknown_action: {"status": 400, "remedy": "repair"},
  invalid_id: {"status": 400, "remedy": "repair"},
  id_too_long: {"status": 400, "remedy": "repair"},
  duplicate_key: {"status": 400, "remedy": "repair"},
  unknown_channel: {"status": 400, "remedy": "repair"},
  unauthenticated: {"status": 401, "remedy": "stop"},
  already_authenticated: {"status": 400, "remedy": "repair"},
  forbidden: {"status": 403, "remedy": "stop"},
  approval_required: {"status": 428, "remedy": "stop"},
  approval_expired: {"status": 410, "remedy": "repair"},
  reason_required: {"status": 428, "remedy": "repair"},
  unknown_approval: {"status": 404, "remedy": "repair"},
  unknown_api: {"status": 404, "remedy": "repair"},
  unknown_argument: {"status": 400, "remedy": "repair"},
  invalid_argument: {"status": 400, "remedy": "repair"},
  missing_argument: {"status": 400, "remedy": "repair"},
  empty_filter: {"status": 400, "remedy": "repair"},
  filter_required: {"status": 400, "remedy": "repair"},
  unexpected_filter: {"status": 400, "remedy": "repair"},
  unknown_account: {"status": 404, "remedy": "repair"},
  unknown_venue: {"status": 404, "remedy": "repair"},
  unknown_instrument: {"status": 404, "remedy": "repair"},
  position_not_found: {"status": 404, "remedy": "repair"},
  unknown_order: {"status": 404, "remedy": "repair"},
  unknown_operation: {"status": 404, "remedy": "repair"},
  contradiction: {"status": 409, "remedy": "repair"},
  deadman_fired: {"status": 410, "remedy": "ask"},
  unknown_alert: {"status": 404, "remedy": "repair"},
  unknown_directive: {"status": 404, "remedy": "repair"},
  unknown_token: {"status": 404, "remedy": "repair"},
  token_exists: {"status": 409, "remedy": "repair"},
  last_admin: {"status": 409, "remedy": "repair"},
  unknown_execution: {"status": 404, "remedy": "repair"},
  unknown_user: {"status": 404, "remedy": "repair"},
  ambiguous_account: {"status": 409, "remedy": "repair"},
  ambiguous_instrument: {"status": 409, "remedy": "repair"},
  ambiguous_venue: {"status": 409, "remedy": "repair"},
  below_minimum: {"status": 422, "remedy": "repair"},
  limit_price_missing: {"status": 400, "remedy": "repair"},
  rate_limited: {"status": 429, "remedy": "retry"},
  answer_too_large: {"status": 413, "remedy": "repair"},
  too_many_in_flight: {"status": 429, "remedy": "retry"},
  too_many_subscriptions: {"status": 429, "remedy": "repair"},
  idempotency_conflict: {"status": 409, "remedy": "repair"},
  idempotency_expired: {"status": 410, "remedy": "repair"},
  repeat_partial: {"status": 409, "remedy": "repair"},
  closing_in_progress: {"status": 409, "remedy": "retry"},
  halted: {"status": 423, "remedy": "stop"},
  plan_changed: {"status": 409, "remedy": "repair"},
  plan_expired: {"status": 409, "remedy": "repair"},
  not_flat: {"status": 409, "remedy": "ask"},
  not_placed: {"status": 409, "remedy": "repair"},
  position_mismatch: {"status": 400, "remedy": "repair"},
  size_exceeded: {"status": 422, "remedy": "stop"},
  max_positions: {"status": 400, "remedy": "repair"},
  cancel_pending: {"status": 409, "remedy": "ask"},
  order_not_unknown: {"status": 409, "remedy": "repair"},
  order_pending: {"status": 409, "remedy": "ask"},
  order_refused: {"status": 422, "remedy": "repair"},
  venue_unavailable: {"status": 503, "remedy": "retry"},
  outcome_unknown: {"status": 504, "remedy": "ask"},
  journal_low: {"status": 503, "remedy": "retry"},
  shutting_down: {"status": 503, "remedy": "retry"},
  journal_broken: {"status": 503, "remedy": "ask"},
  internal: {"status": 500, "remedy": "ask"},
} as const;

/** A code of the table of errors. */
export type ErrorCode = keyof typeof ERRORS;

/** Every code the server closes with, and whether coming back can help. */
export const CLOSE_CODES = {
  "1001": {"name": "GOING_AWAY", "mayRetry": true},
  "1002": {"name": "PROTOCOL_ERROR", "mayRetry": false},
  "1007": {"name": "INVALID_TEXT", "mayRetry": false},
  "1008": {"name": "POLICY", "mayRetry": false},
  "1009": {"name": "TOO_BIG", "mayRetry": false},
  "1011": {"name": "INTERNAL", "mayRetry": true},
  "1012": {"name": "RESTART", "mayRetry": true},
  "4401": {"name": "UNAUTHENTICATED", "mayRetry": false},
  "4403": {"name": "FORBIDDEN", "mayRetry": false},
  "4408": {"name": "AUTH_TIMEOUT", "mayRetry": false},
  "4410": {"name": "REVOKED", "mayRetry": false},
  "4413": {"name": "SLOW_CONSUMER", "mayRetry": true},
  "4429": {"name": "FLOODING", "mayRetry": true},
} as const;

/** Every api, and what a lost answer means: ask again, resend by key, or never resend. */
export const APIS = {
  Flatten: "closing",
  FlattenEverything: "closing",
  ClosePosition: "closing",
  ExitAll: "closing",
  BatchClose: "closing",
  Liquidate: "closing",
  LiquidateAll: "closing",
  GetPortfolioPositions: "read",
  ListAccounts: "read",
  GetAccount: "read",
  ListPositions: "read",
  GetAllPositions: "read",
  GetPosition: "read",
  ListOrders: "read",
  GetAllOrders: "read",
  GetOrder: "read",
  ListExecutions: "read",
  GetOrderStatus: "read",
  GetOrderLifecycle: "read",
  GetExecution: "read",
  GetExecutionsByOrderId: "read",
  GetAccountSummary: "read",
  GetWatermarks: "read",
  GetConnections: "read",
  GetQuote: "read",
  MarketInfo: "read",
  GetBars: "read",
  PlaceOrder: "order",
  Cancel: "order",
  CancelOrder: "order",
  CancelOrders: "order",
  CancelAllOrders: "order",
  Reverse: "closing",
  ReversePosition: "closing",
  FlatPlace: "closing",
  Change: "order",
  CancelReplace: "order",
  CancelAndBracket: "order",
  PlaceMultiOrder: "order",
  CancelMultiOrder: "order",
  ListOperations: "read",
  GetOperation: "read",
  ResolveOrder: "order",
  Ping: "read",
  Halt: "order",
  Release: "order",
  ListHalts: "read",
  SetRule: "order",
  RemoveRule: "order",
  ListRules: "read",
  ArmDeadman: "order",
  RenewDeadman: "order",
  DisarmDeadman: "order",
  ListSwitches: "read",
  QueryAudit: "read",
  VerifyAudit: "read",
  ListAlerts: "read",
  AcknowledgeAlert: "order",
  ListApprovals: "read",
  Confirm: "order",
  GetPreferences: "read",
  SetPreferences: "order",
  GetPolicy: "read",
  SetPolicy: "order",
  CreateToken: "order",
  RotateToken: "order",
  ListTokens: "read",
  RevokeToken: "order",
} as const;

/** The name of an api. */
export type ApiName = keyof typeof APIS;

/** The first frame of a client that could not send an Authorization header. */
export interface Auth {
  readonly action: "auth";
  readonly token: string;
}

/** One call. `args` stay raw until the api's own Struct decodes them. */
export interface Rpc {
  readonly action: "rpc";
  readonly id: string;
  readonly api: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly idempotencyKey?: string;
  readonly progress?: boolean;
}

/** Follow an operation: every progress frame with a seq greater than `after`, then the end. */
export interface Attach {
  readonly action: "attach";
  readonly id: string;
  readonly operationId?: string;
  readonly idempotencyKey?: string;
  readonly after?: number;
}

/** Stop what was not yet sent. Names the operation, never a call's `id`: ids are reused. */
export interface Cancel {
  readonly action: "cancel";
  readonly operationId?: string;
  readonly idempotencyKey?: string;
}

/** Market data of `instruments`, each `interval` milliseconds; events of `channels`; or both. */
export interface Subscribe {
  readonly action: "subscribe";
  readonly id?: string;
  readonly instruments?: readonly string[];
  readonly channels?: readonly ("positions" | "orders" | "executions" | "operations" | "alerts" | "audit")[];
  readonly interval?: number;
}

/** The opposite of `Subscribe`. */
export interface Unsubscribe {
  readonly action: "unsubscribe";
  readonly instruments?: readonly string[];
  readonly channels?: readonly ("positions" | "orders" | "executions" | "operations" | "alerts" | "audit")[];
}

/** Profit of every account, each `interval` milliseconds. */
export interface StreamPnl {
  readonly action: "streamPnl";
  readonly enabled: boolean;
  readonly interval?: number;
}

/** Is anyone there? For browsers, which cannot send WebSocket pings. */
export interface Ping {
  readonly action: "ping";
}

/** The closing call is durable and will be carried out. Nothing is closed yet (law 20). */
export interface Accepted {
  readonly type: "accepted";
  readonly requestId: string;
  readonly operationId: string;
  readonly duplicate: boolean;
  readonly rateLimit?: RateLimit;
}

/** What the token has left: told once less than half of it is there. */
export interface RateLimit {
  readonly remaining: number;
  readonly resetMs: number;
}

/** One step of an operation: the same bytes for every follower, live or replayed. */
export interface ProgressFrame {
  readonly type: "progress";
  readonly requestId: string;
  readonly operationId: string;
  readonly seq: number;
  readonly event: ProgressEvent;
  readonly leg?: number;
  readonly venue?: string;
  readonly account?: string;
  readonly instrument?: string;
  readonly side?: "long" | "short";
  readonly quantity?: string;
  readonly filled?: string;
  readonly remaining?: string;
  readonly averagePrice?: string;
  readonly price?: string;
  readonly orderId?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly detail?: string;
  readonly done: number;
  readonly total: number;
  readonly at: string;
}

/** What is wrong with a frame that is no call, or has no usable `id`: else it is told, too. */
export interface ErrorFrame {
  readonly type: "error";
  readonly requestId?: string;
  readonly error: ErrorCode;
  readonly detail: string;
  readonly retryAfterMs?: number;
  readonly reference?: string;
}

/** Something about the server itself: `restarting`, `journal_broken`. */
export interface Notice {
  readonly type: "notice";
  readonly notice: string;
  readonly detail: string;
  readonly operationIds: readonly string[];
}

/** The token was right. */
export interface Authenticated {
  readonly type: "authenticated";
  readonly principal: string;
  readonly roles: readonly string[];
  readonly accounts: readonly string[];
}

/** The answer to a ping. */
export interface Pong {
  readonly type: "pong";
  readonly time: string;
  readonly epoch: number;
}

/** The operation was told to stop; `ended`: it had ended before. Its final frame tells all. */
export interface CancelRequested {
  readonly type: "cancelRequested";
  readonly operationId: string;
  readonly ended: boolean;
}

/** What the connection is subscribed to now, with a snapshot of each channel just named. */
export interface Subscribed {
  readonly type: "subscribed";
  readonly requestId?: string;
  readonly instruments: readonly string[];
  readonly channels: readonly ("positions" | "orders" | "executions" | "operations" | "alerts" | "audit")[];
  readonly snapshot: Snapshot;
  readonly unread: readonly string[];
}

/** What the connection is still subscribed to. */
export interface Unsubscribed {
  readonly type: "unsubscribed";
  readonly instruments: readonly string[];
  readonly channels: readonly ("positions" | "orders" | "executions" | "operations" | "alerts" | "audit")[];
}

/** The answer to `streamPnl`: what now holds. */
export interface PnlStreaming {
  readonly type: "pnlStreaming";
  readonly enabled: boolean;
  readonly interval: number;
}

/** The subscribed quotes that changed. */
export interface MarketData {
  readonly type: "marketData";
  readonly quotes: readonly QuoteLine[];
}

/** One instrument of a `marketData` frame. Prices and sizes are numbers, as at CrossTrade. */
export interface QuoteLine {
  readonly instrument: string;
  readonly venue: string;
  readonly last: number;
  readonly bid: number;
  readonly ask: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly isOpen: boolean;
  readonly at: string;
}

/** Profit of every account the principal may see, at `epoch` milliseconds. */
export interface PnlUpdate {
  readonly type: "pnlUpdate";
  readonly epoch: number;
  readonly accounts: readonly PnlLine[];
}

/** One account of a `pnlUpdate` frame, in numbers of its currency. */
export interface PnlLine {
  readonly account: string;
  readonly venue: string;
  readonly currency: string;
  readonly unrealizedPnl: number;
  readonly realizedPnl: number;
  readonly totalPnl: number;
  readonly fees: number;
  readonly equity: number;
  readonly connected: boolean;
  readonly sandbox: boolean;
}

/** What happened in a channel, oldest first; each item is one of `events.py`. */
export type ChannelEvents = PositionsEvent | OrdersEvent | ExecutionsEvent | OperationsEvent | AlertsEvent | AuditEvent;

/** A position is now this. `quantity` is unsigned; `side` is `long`, `short` or `flat`. */
export interface PositionItem {
  readonly positionId: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: "long" | "short" | "flat";
  readonly quantity: string;
  readonly averagePrice: string;
  readonly marketPrice?: string;
  readonly unrealizedPnl?: string;
  readonly pointValue?: string;
  readonly currency?: string;
  readonly product?: string;
  readonly sandbox?: boolean;
  readonly updatedAt: string;
}

/** An order is now this. */
export interface OrderItem {
  readonly orderId: string;
  readonly clientOrderId?: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly type: string;
  readonly status: string;
  readonly quantity: string;
  readonly filled: string;
  readonly averagePrice?: string;
  readonly limitPrice?: string;
  readonly stopPrice?: string;
  readonly reduceOnly?: boolean;
  readonly tag?: string;
  readonly rejectReason?: string;
  readonly detail?: string;
  readonly sandbox?: boolean;
  readonly updatedAt: string;
}

/** One fill. */
export interface ExecutionItem {
  readonly tradeId: string;
  readonly orderId: string;
  readonly clientOrderId?: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly quantity: string;
  readonly price: string;
  readonly fee: string;
  readonly feeCurrency: string;
  readonly realizedPnl: string;
  readonly tag?: string;
  readonly sandbox?: boolean;
  readonly at: string;
}

/** An operation began or ended. `success` and `flat` are absent while it runs. */
export interface OperationItem {
  readonly operationId: string;
  readonly api: string;
  readonly principal: string;
  readonly status: "running" | "finished";
  readonly success?: boolean;
  readonly flat?: boolean;
  readonly legs?: number;
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly error?: string;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly openedAt?: string;
  readonly finishedAt?: string;
}

/** Something a person should know. */
export interface AlertItem {
  readonly code: string;
  readonly detail: string;
  readonly venue?: string;
  readonly account?: string;
  readonly sandbox?: boolean;
  readonly instrument?: string;
  readonly operationIds?: readonly string[];
  readonly principal?: string;
  readonly acknowledges?: number;
  readonly acknowledgedBy?: string;
  readonly acknowledgedAt?: string;
  readonly acknowledgeReason?: string;
  readonly auditSeq: number;
  readonly at: string;
}

/** One record of the journal in a line, with its place in the hash chain. */
export interface AuditItem {
  readonly auditSeq: number;
  readonly auditHash: string;
  readonly kind: string;
  readonly operationIds?: readonly string[];
  readonly principal?: string;
  readonly remote?: string;
  readonly venue?: string;
  readonly account?: string;
  readonly sandbox?: boolean;
  readonly instrument?: string;
  readonly detail?: string;
  readonly at: string;
}

/** What there is, of each channel that was just added. */
export interface Snapshot {
  readonly positions?: readonly PositionItem[];
  readonly orders?: readonly OrderItem[];
  readonly executions?: readonly ExecutionItem[];
  readonly operations?: readonly OperationItem[];
  readonly alerts?: readonly AlertItem[];
  readonly audit?: readonly AuditItem[];
}

/** What happened in the channel `positions`, oldest first. */
export interface PositionsEvent {
  readonly type: "event";
  readonly channel: "positions";
  readonly items: readonly PositionItem[];
}

/** What happened in the channel `orders`, oldest first. */
export interface OrdersEvent {
  readonly type: "event";
  readonly channel: "orders";
  readonly items: readonly OrderItem[];
}

/** What happened in the channel `executions`, oldest first. */
export interface ExecutionsEvent {
  readonly type: "event";
  readonly channel: "executions";
  readonly items: readonly ExecutionItem[];
}

/** What happened in the channel `operations`, oldest first. */
export interface OperationsEvent {
  readonly type: "event";
  readonly channel: "operations";
  readonly items: readonly OperationItem[];
}

/** What happened in the channel `alerts`, oldest first. */
export interface AlertsEvent {
  readonly type: "event";
  readonly channel: "alerts";
  readonly items: readonly AlertItem[];
}

/** What happened in the channel `audit`, oldest first. */
export interface AuditEvent {
  readonly type: "event";
  readonly channel: "audit";
  readonly items: readonly AuditItem[];
}

/** The one final answer of a call. */
export interface Final {
  readonly id: string;
  readonly data: unknown;
}

/** `data` of a call that failed. */
export interface ErrorData {
  readonly success: false;
  readonly error: ErrorCode;
  readonly detail: string;
  readonly statusCode: number;
  readonly retryAfterMs?: number;
  readonly reference?: string;
}

/** A dry run, the same in every dialect: nothing was sent. */
export interface PlanAnswer {
  readonly dryRun: boolean;
  readonly planned: boolean;
  readonly operationId: string;
  readonly statusCode: number;
  readonly planHash: string;
  readonly estimateMs: number | null;
  readonly legs: readonly PlannedLegAnswer[];
  readonly durationMs: number;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature?: string;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly fromPreferences?: Readonly<Record<string, unknown>>;
  readonly fromPolicy?: Readonly<Record<string, unknown>>;
  readonly warnings?: readonly string[];
  readonly moreMatches?: number;
  readonly failures?: readonly FailureAnswer[];
  readonly legsOmitted?: number;
  readonly more?: string;
  readonly error?: string;
  readonly detail?: string;
}

/** One leg of a dry run: what would be sent, and nothing that could be read as done. */
export interface PlannedLegAnswer {
  readonly leg: number;
  readonly positionId: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly product?: string;
  readonly side: string;
  readonly quantity: string;
  readonly target: string;
  readonly plannedQuantity: string;
  readonly cancels?: readonly string[];
  readonly excluded?: boolean;
  readonly joined?: boolean;
  readonly reason?: string;
  readonly detail?: string;
  readonly market?: PlannedMarket;
}

/** The market of one planned leg as it was found. */
export interface PlannedMarket {
  readonly phase: string;
  readonly bid?: string;
  readonly ask?: string;
  readonly changesAt?: string;
}

/** An account that could not be read. */
export interface FailureAnswer {
  readonly venue: string;
  readonly account: string;
  readonly detail: string;
}

/** What every closing call answers in our own words, beside its dialect's. */
export interface ClosedAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly operationId: string;
  readonly flat: boolean;
  readonly statusCode: number;
  readonly provenAt: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly legs: readonly LegAnswer[];
  readonly canceledOrderIds: readonly string[];
  readonly durationMs: number;
  readonly planHash: string;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature?: string;
  readonly stayFlatUntil?: string;
  readonly failures?: readonly FailureAnswer[];
  readonly legsOmitted?: number;
  readonly more?: string;
  readonly cancelled?: boolean;
  readonly approvedBy?: string;
  readonly alone?: boolean;
  readonly fromPreferences?: Readonly<Record<string, unknown>>;
  readonly fromPolicy?: Readonly<Record<string, unknown>>;
  readonly warnings?: readonly string[];
  readonly unprotected?: boolean;
  readonly error?: string;
  readonly detail?: string;
}

/** One leg. Quantities are unsigned; `side` is that of the position as found. */
export interface LegAnswer {
  readonly leg: number;
  readonly positionId: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly product?: string;
  readonly side: string;
  readonly outcome: string | null;
  readonly quantity: string;
  readonly target: string;
  readonly closed: string;
  readonly remaining: string;
  readonly flipped?: boolean;
  readonly averagePrice?: string;
  readonly realized?: string;
  readonly fees?: string;
  readonly reason?: string;
  readonly detail?: string;
  readonly orderIds?: readonly string[];
  readonly canceledOrderIds?: readonly string[];
  readonly unprotected?: boolean;
  readonly joined?: boolean;
  readonly provenAt?: string;
}

/** At least one filter; all that are set must match. */
export interface FlattenArgs {
  readonly dryRun?: boolean;
  readonly planHash?: string;
  readonly reason?: string;
  readonly deadlineMs?: number;
  readonly fraction?: number | string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested" | "override";
  readonly waitForOpen?: boolean;
  readonly dust?: "close" | "leave";
  readonly stayFlatMs?: number;
  readonly onRefill?: "report" | "close";
  readonly breakGlass?: boolean;
  readonly account?: string;
  readonly accounts?: readonly string[];
  readonly instrument?: string;
  readonly instruments?: readonly string[];
  readonly marketPosition?: "long" | "short";
  readonly venue?: string;
  readonly strategyTag?: string;
  readonly pnl?: "winners" | "losers";
  readonly exclude?: readonly string[];
  readonly scope?: "preferred";
  readonly quantity?: number | string;
}

/** One step of `ladder`: from `afterMs` on, an order of this type, so far from the touch. */
export interface LadderArg {
  readonly type?: "limit" | "market";
  readonly offsetTicks?: number;
  readonly afterMs?: number;
}

/** CrossTrade: proven legs, and whatever is or may be left. */
export interface FlattenAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly operationId: string;
  readonly flat: boolean;
  readonly statusCode: number;
  readonly provenAt: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly legs: readonly LegAnswer[];
  readonly canceledOrderIds: readonly string[];
  readonly durationMs: number;
  readonly planHash: string;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature?: string;
  readonly stayFlatUntil?: string;
  readonly failures?: readonly FailureAnswer[];
  readonly legsOmitted?: number;
  readonly more?: string;
  readonly cancelled?: boolean;
  readonly approvedBy?: string;
  readonly alone?: boolean;
  readonly fromPreferences?: Readonly<Record<string, unknown>>;
  readonly fromPolicy?: Readonly<Record<string, unknown>>;
  readonly warnings?: readonly string[];
  readonly unprotected?: boolean;
  readonly error?: string;
  readonly detail?: string;
  readonly orderIds: readonly string[];
  readonly closedPositions: readonly PositionAnswer[];
  readonly remainingPositions: readonly PositionAnswer[];
  readonly warning?: string;
}

/** One position as NinjaTrader names its parts: `quantity` is unsigned. */
export interface PositionAnswer {
  readonly type: string;
  readonly account: string;
  readonly instrument: string;
  readonly instrumentType: string;
  readonly marketPosition: string;
  readonly quantity: number;
  readonly averagePrice: number | null;
  readonly marketPrice: number | null;
  readonly unrealizedProfitLoss: number | null;
}

/** No args of its own: every filter of `Flatten` is known here to be refused by its name. */
export interface FlattenEverythingArgs {
  readonly dryRun?: boolean;
  readonly planHash?: string;
  readonly reason?: string;
  readonly deadlineMs?: number;
  readonly fraction?: number | string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested" | "override";
  readonly waitForOpen?: boolean;
  readonly dust?: "close" | "leave";
  readonly stayFlatMs?: number;
  readonly onRefill?: "report" | "close";
  readonly breakGlass?: boolean;
}

/** One position of one account; `quantity` is capped at it and wins over `percent`. */
export interface ClosePositionArgs {
  readonly dryRun?: boolean;
  readonly planHash?: string;
  readonly reason?: string;
  readonly deadlineMs?: number;
  readonly fraction?: number | string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested" | "override";
  readonly waitForOpen?: boolean;
  readonly dust?: "close" | "leave";
  readonly stayFlatMs?: number;
  readonly onRefill?: "report" | "close";
  readonly breakGlass?: boolean;
  readonly account: string;
  readonly instrument: string;
  readonly quantity?: number | string;
  readonly percent?: number | string;
}

/** `user_id`, `strategy_tag` or `instruments` at least; all that are given must match. */
export interface ExitAllArgs {
  readonly dryRun?: boolean;
  readonly planHash?: string;
  readonly reason?: string;
  readonly deadlineMs?: number;
  readonly fraction?: number | string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested" | "override";
  readonly waitForOpen?: boolean;
  readonly dust?: "close" | "leave";
  readonly stayFlatMs?: number;
  readonly onRefill?: "report" | "close";
  readonly breakGlass?: boolean;
  readonly user_id?: string;
  readonly strategy_tag?: string;
  readonly instruments?: readonly string[];
  readonly execution_type?: "MARKET" | "LIMIT";
  readonly limit_prices?: Readonly<Record<string, number | string>>;
  readonly quantities?: Readonly<Record<string, number | string>>;
}

/** Upstox: `success`, `partial_success` or `error`, and one row a position. */
export interface ExitAllAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly operationId: string;
  readonly flat: boolean;
  readonly statusCode: number;
  readonly provenAt: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly legs: readonly LegAnswer[];
  readonly canceledOrderIds: readonly string[];
  readonly durationMs: number;
  readonly planHash: string;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature?: string;
  readonly stayFlatUntil?: string;
  readonly failures?: readonly FailureAnswer[];
  readonly legsOmitted?: number;
  readonly more?: string;
  readonly cancelled?: boolean;
  readonly approvedBy?: string;
  readonly alone?: boolean;
  readonly fromPreferences?: Readonly<Record<string, unknown>>;
  readonly fromPolicy?: Readonly<Record<string, unknown>>;
  readonly warnings?: readonly string[];
  readonly unprotected?: boolean;
  readonly error?: string;
  readonly detail?: string;
  readonly status: string;
  readonly data: readonly ExitRow[];
  readonly error_code?: string;
  readonly message?: string;
}

/** One row of `data`: what became of one position. */
export interface ExitRow {
  readonly instrument: string | null;
  readonly exit_quantity: number;
  readonly exit_price?: number;
  readonly status: string;
  readonly error?: string;
  readonly remaining_quantity?: number;
  readonly account: string;
  readonly position_id?: string;
}

/** Both sides of one product. */
export interface BatchCloseArgs {
  readonly dryRun?: boolean;
  readonly planHash?: string;
  readonly reason?: string;
  readonly deadlineMs?: number;
  readonly fraction?: number | string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested" | "override";
  readonly waitForOpen?: boolean;
  readonly dust?: "close" | "leave";
  readonly stayFlatMs?: number;
  readonly onRefill?: "report" | "close";
  readonly breakGlass?: boolean;
  readonly productGroup: "Spot" | "Swap" | "SwapU";
  readonly instId: string;
}

/** Deepcoin: `code` is `"0"` for whatever was carried out, failures included. */
export interface BatchCloseAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly operationId: string;
  readonly flat: boolean;
  readonly statusCode: number;
  readonly provenAt: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly legs: readonly LegAnswer[];
  readonly canceledOrderIds: readonly string[];
  readonly durationMs: number;
  readonly planHash: string;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature?: string;
  readonly stayFlatUntil?: string;
  readonly failures?: readonly FailureAnswer[];
  readonly legsOmitted?: number;
  readonly more?: string;
  readonly cancelled?: boolean;
  readonly approvedBy?: string;
  readonly alone?: boolean;
  readonly fromPreferences?: Readonly<Record<string, unknown>>;
  readonly fromPolicy?: Readonly<Record<string, unknown>>;
  readonly warnings?: readonly string[];
  readonly unprotected?: boolean;
  readonly error?: string;
  readonly detail?: string;
  readonly code: string;
  readonly msg: string;
  readonly data: ErrorList;
}

/** Empty only if every leg is proven. */
export interface ErrorList {
  readonly errorList: readonly ClosePositionErrorItem[];
}

/** A position that is not proven closed. */
export interface ClosePositionErrorItem {
  readonly memberId: string;
  readonly accountId: string;
  readonly tradeUnitId: string;
  readonly instId: string;
  readonly posiDirection: string;
  readonly errorCode: number;
  readonly errorMsg: string;
}

/** `position_id` (it wins) or `symbol`; or `all`. */
export interface LiquidateArgs {
  readonly dryRun?: boolean;
  readonly planHash?: string;
  readonly reason?: string;
  readonly deadlineMs?: number;
  readonly fraction?: number | string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested" | "override";
  readonly waitForOpen?: boolean;
  readonly dust?: "close" | "leave";
  readonly stayFlatMs?: number;
  readonly onRefill?: "report" | "close";
  readonly breakGlass?: boolean;
  readonly position_id?: string;
  readonly symbol?: string;
  readonly all?: boolean;
}

/** NeuraTrade: one record, or `count` and `positions`. */
export interface LiquidateAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly operationId: string;
  readonly flat: boolean;
  readonly statusCode: number;
  readonly provenAt: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly legs: readonly LegAnswer[];
  readonly canceledOrderIds: readonly string[];
  readonly durationMs: number;
  readonly planHash: string;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature?: string;
  readonly stayFlatUntil?: string;
  readonly failures?: readonly FailureAnswer[];
  readonly legsOmitted?: number;
  readonly more?: string;
  readonly cancelled?: boolean;
  readonly approvedBy?: string;
  readonly alone?: boolean;
  readonly fromPreferences?: Readonly<Record<string, unknown>>;
  readonly fromPolicy?: Readonly<Record<string, unknown>>;
  readonly warnings?: readonly string[];
  readonly unprotected?: boolean;
  readonly error?: string;
  readonly detail?: string;
  readonly status: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly message?: string;
  readonly moreMatches?: number;
}

/** No args of its own: the filters of `Liquidate` are known here to be refused by name. */
export interface LiquidateAllArgs {
  readonly dryRun?: boolean;
  readonly planHash?: string;
  readonly reason?: string;
  readonly deadlineMs?: number;
  readonly fraction?: number | string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested" | "override";
  readonly waitForOpen?: boolean;
  readonly dust?: "close" | "leave";
  readonly stayFlatMs?: number;
  readonly onRefill?: "report" | "close";
  readonly breakGlass?: boolean;
}

/** `type` is needed: a caller must know whether it reads both views or one. */
export interface PortfolioArgs {
  readonly type: "all" | "daily" | "expiry";
  readonly account?: string;
}

/** A fresh reading of the venues, in the words of the portfolio dialect. */
export interface PortfolioAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly status: string;
  readonly code: string;
  readonly message: string;
  readonly statusCode: number;
  readonly data: readonly PortfolioRow[];
}

/** One view of one position: quantities are integers, prices and values strings. */
export interface PortfolioRow {
  readonly exchange: string;
  readonly scrip_token: number;
  readonly product_type: string;
  readonly symbol: string;
  readonly series: string;
  readonly instrument: string;
  readonly expiry_date: string;
  readonly strike_price: string;
  readonly option_type: string;
  readonly buy_quantity: number;
  readonly avg_buy_price: string;
  readonly buy_value: string;
  readonly sell_quantity: number;
  readonly avg_sell_price: string;
  readonly sell_value: string;
  readonly net_quantity: number;
  readonly net_price: string;
  readonly net_value: string;
  readonly multiplier: string;
  readonly daily_or_expiry: string;
  readonly account: string;
  readonly position_id: string;
}

/** An api that takes nothing. */
export interface NoArgs {
}

/** Accounts. */
export interface AccountsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly accounts: readonly AccountAnswer[];
}

/** One account, as CrossTrade names its parts; then ours. */
export interface AccountAnswer {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  readonly primaryUser: string;
  readonly provider: string;
  readonly denomination: string;
  readonly status: string;
  readonly connection: string;
  readonly connectionStatus: string;
  readonly item: AccountItems;
  readonly venue: string;
  readonly currency: string;
  readonly mode: string;
  readonly sandbox: boolean;
  readonly balances: Readonly<Record<string, string>>;
  readonly success?: boolean;
}

/** NinjaTrader's account items that any venue has. */
export interface AccountItems {
  readonly buyingPower: number;
  readonly cashValue: number;
  readonly fee: number;
  readonly grossRealizedProfitLoss: number;
  readonly initialMargin: number;
  readonly excessInitialMargin: number;
  readonly netLiquidation: number;
  readonly realizedProfitLoss: number;
  readonly totalCashBalance: number;
  readonly unrealizedProfitLoss: number;
}

/** One account, by name. */
export interface AccountArgs {
  readonly account: string;
}

/** What one account has many of. */
export interface AccountRowsArgs {
  readonly limit?: number;
  readonly after?: string;
  readonly account: string;
}

/** Positions. */
export interface PositionsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly count?: number;
  readonly next?: string | number;
  readonly positions: readonly HeldPosition[];
}

/** A position as a read shows it: CrossTrade's fields, then ours. */
export interface HeldPosition {
  readonly type: string;
  readonly account: string;
  readonly instrument: string;
  readonly instrumentType: string;
  readonly marketPosition: string;
  readonly quantity: number;
  readonly averagePrice: number | null;
  readonly marketPrice: number | null;
  readonly unrealizedProfitLoss: number | null;
  readonly tag: string | null;
  readonly venue: string;
  readonly positionId?: string;
  readonly product?: string;
  readonly success?: boolean;
  readonly positions?: readonly HeldPosition[];
}

/** `includeFlat` adds the instruments that only have working orders. */
export interface AllPositionsArgs {
  readonly limit?: number;
  readonly after?: string;
  readonly includeFlat?: boolean;
}

/** One position: a root finds it in any expiry. */
export interface PositionArgs {
  readonly account: string;
  readonly instrument: string;
}

/** One position, or several where the name means several. */
export interface OnePositionAnswer {
  readonly type: string;
  readonly account: string;
  readonly instrument: string;
  readonly instrumentType: string;
  readonly marketPosition: string;
  readonly quantity: number;
  readonly averagePrice: number | null;
  readonly marketPrice: number | null;
  readonly unrealizedProfitLoss: number | null;
  readonly tag: string | null;
  readonly venue: string;
  readonly positionId?: string;
  readonly product?: string;
  readonly success?: boolean;
  readonly positions?: readonly HeldPosition[];
  readonly sandbox?: boolean;
}

/** Orders. */
export interface OrdersAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly count?: number;
  readonly next?: string | number;
  readonly orders: readonly OrderAnswer[];
}

/** One order, as CrossTrade names its parts; then ours. */
export interface OrderAnswer {
  readonly account: string;
  readonly orderId: string;
  readonly instrument: string;
  readonly instrumentType: string;
  readonly orderAction: string;
  readonly orderType: string;
  readonly orderState: string;
  readonly quantity: number;
  readonly filled: number;
  readonly averageFillPrice: number;
  readonly limitPrice: number;
  readonly stopPrice: number;
  readonly ocoId: string;
  readonly timeInForce: string;
  readonly time: string;
  readonly epoch: number;
  readonly name: string;
  readonly isLimit: boolean;
  readonly isLong: boolean;
  readonly isMarket: boolean;
  readonly isShort: boolean;
  readonly isStopLimit: boolean;
  readonly isStopMarket: boolean;
  readonly venue: string;
  readonly venueOrderId: string;
  readonly remaining: number;
  readonly reduceOnly: boolean;
  readonly tag: string | null;
  readonly cancelPending: boolean;
  readonly rejectReason: string | null;
  readonly detail: string;
  readonly success?: boolean;
}

/** The args of a read that may be long. */
export interface Paged {
  readonly limit?: number;
  readonly after?: string;
}

/** One order by the venue's id or ours. */
export interface OrderArgs {
  readonly account?: string;
  readonly orderId: string;
}

/** One order, and what the accounts are that were searched for it. */
export interface OneOrderAnswer {
  readonly account: string;
  readonly orderId: string;
  readonly instrument: string;
  readonly instrumentType: string;
  readonly orderAction: string;
  readonly orderType: string;
  readonly orderState: string;
  readonly quantity: number;
  readonly filled: number;
  readonly averageFillPrice: number;
  readonly limitPrice: number;
  readonly stopPrice: number;
  readonly ocoId: string;
  readonly timeInForce: string;
  readonly time: string;
  readonly epoch: number;
  readonly name: string;
  readonly isLimit: boolean;
  readonly isLong: boolean;
  readonly isMarket: boolean;
  readonly isShort: boolean;
  readonly isStopLimit: boolean;
  readonly isStopMarket: boolean;
  readonly venue: string;
  readonly venueOrderId: string;
  readonly remaining: number;
  readonly reduceOnly: boolean;
  readonly tag: string | null;
  readonly cancelPending: boolean;
  readonly rejectReason: string | null;
  readonly detail: string;
  readonly success?: boolean;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
}

/** Executions of one account, or of all; *since* an instant. */
export interface ExecutionsArgs {
  readonly limit?: number;
  readonly after?: string;
  readonly account?: string;
  readonly since?: string;
}

/** Fills. */
export interface ExecutionsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly count?: number;
  readonly next?: string | number;
  readonly executions: readonly ExecutionAnswer[];
}

/** One fill, as CrossTrade names its parts; then ours. */
export interface ExecutionAnswer {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly epoch: number;
  readonly name: string;
  readonly orderId: string;
  readonly account: string;
  readonly instrument: string;
  readonly instrumentType: string;
  readonly marketPosition: string;
  readonly price: number;
  readonly quantity: number;
  readonly commission: number;
  readonly exchange: string;
  readonly venue: string;
  readonly venueOrderId: string;
  readonly feeCurrency: string;
  readonly realizedProfitLoss: number;
}

/** What matters of one order. */
export interface OrderStatusAnswer {
  readonly orderId: string;
  readonly account: string;
  readonly instrument: string;
  readonly orderState: string;
  readonly quantity: number;
  readonly filled: number;
  readonly remaining: number;
  readonly averageFillPrice: number;
  readonly isTerminal: boolean;
  readonly venueOrderId: string;
  readonly rejectReason: string | null;
  readonly detail: string;
  readonly success: boolean;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
}

/** One order by either id; the newest `limit` events of it. */
export interface LifecycleArgs {
  readonly account?: string;
  readonly orderId: string;
  readonly includeFills?: boolean;
  readonly includeRaw?: boolean;
  readonly limit?: number;
}

/** One order from its intent to its end; `total` is there where older events are left out. */
export interface LifecycleAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly orderId: string;
  readonly originalOrderId: string;
  readonly venueOrderId: string | null;
  readonly account: string;
  readonly asOf: string;
  readonly count: number;
  readonly total?: number;
  readonly events: readonly EventAnswer[];
}

/** One step of an order's life. `source`: `api_received`, `operation`, `venue` or `person`. */
export interface EventAnswer {
  readonly timestamp: string;
  readonly epoch: number;
  readonly source: string;
  readonly event: string;
  readonly orderState: string | null;
  readonly orderId: string;
  readonly auditSeq: number | null;
  readonly quantity?: number;
  readonly filled?: number;
  readonly averageFillPrice?: number;
  readonly limitPrice?: number;
  readonly stopPrice?: number;
  readonly fills?: readonly EventFill[];
  readonly detail?: string;
  readonly raw?: unknown;
}

/** One fill of a step. */
export interface EventFill {
  readonly id: string;
  readonly price: number;
  readonly quantity: number;
}

/** One execution, by the venue's id of it. */
export interface ExecutionArgs {
  readonly account?: string;
  readonly executionId: string;
}

/** One fill. */
export interface OneExecutionAnswer {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly epoch: number;
  readonly name: string;
  readonly orderId: string;
  readonly account: string;
  readonly instrument: string;
  readonly instrumentType: string;
  readonly marketPosition: string;
  readonly price: number;
  readonly quantity: number;
  readonly commission: number;
  readonly exchange: string;
  readonly venue: string;
  readonly venueOrderId: string;
  readonly feeCurrency: string;
  readonly realizedProfitLoss: number;
  readonly success: boolean;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
}

/** The executions of one order, by the venue's id of it or ours. */
export interface OrderFillsArgs {
  readonly limit?: number;
  readonly after?: string;
  readonly account?: string;
  readonly orderId: string;
}

/** Every account with its money and its positions; `epoch` in milliseconds. */
export interface SummaryAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly type: string;
  readonly timestamp: string;
  readonly epoch: number;
  readonly accounts: readonly SummaryLine[];
}

/** One account and its positions; null: not read, and so unknown, never flat. */
export interface SummaryLine {
  readonly account: SummaryAccount;
  readonly positions: readonly HeldPosition[] | null;
}

/** An account of the snapshot; `isAccountFlat` is null where its positions were not read. */
export interface SummaryAccount {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  readonly primaryUser: string;
  readonly provider: string;
  readonly denomination: string;
  readonly status: string;
  readonly connection: string;
  readonly connectionStatus: string;
  readonly item: AccountItems;
  readonly venue: string;
  readonly currency: string;
  readonly mode: string;
  readonly sandbox: boolean;
  readonly balances: Readonly<Record<string, string>>;
  readonly success?: boolean;
  readonly type: string;
  readonly isAccountFlat: boolean | null;
}

/** The highest and the lowest equity of accounts. */
export interface WatermarksAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly watermarks: readonly WatermarkAnswer[];
}

/** The marks of one account, in its currency. */
export interface WatermarkAnswer {
  readonly account: string;
  readonly venue: string;
  readonly currency: string;
  readonly equity: number;
  readonly highWatermark: number;
  readonly highWatermarkAt: string;
  readonly lowWatermark: number;
  readonly lowWatermarkAt: string;
  readonly drawdown: number;
  readonly since: string;
}

/** Venues, and whether they answer. */
export interface ConnectionsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly connections: readonly ConnectionAnswer[];
  readonly count: number;
}

/** One venue, as it was reached just now. */
export interface ConnectionAnswer {
  readonly name: string;
  readonly status: string;
  readonly sandbox: boolean;
  readonly accounts: number;
}

/** One instrument, or several with commas between them. */
export interface QuoteArgs {
  readonly instrument: string;
  readonly account?: string;
}

/** One quote, as CrossTrade names its parts. Times are UTC; `epoch` is in seconds. */
export interface QuoteAnswer {
  readonly description: string;
  readonly type: string;
  readonly tickSize: number;
  readonly pointValue: number;
  readonly tickValue: number;
  readonly exchange: string;
  readonly expiration: string | null;
  readonly tradingHours: string;
  readonly instrument: string;
  readonly bid: number;
  readonly ask: number;
  readonly last: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly quoteTime: string;
  readonly quoteTimeUtc: string;
  readonly epoch: number;
  readonly dataSource: DataSource;
  readonly isMarketOpen: boolean;
  readonly currency: string;
  readonly success?: boolean;
}

/** Where a quote comes from. */
export interface DataSource {
  readonly status: string;
  readonly connectedFeeds: readonly string[];
}

/** An instrument, or the front month of a root; without either, of ES. */
export interface MarketInfoArgs {
  readonly instrument?: string;
  readonly root?: string;
}

/** Whether a market is open, until when, and when it opens next. */
export interface MarketInfoAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly timestamp: string;
  readonly instrument: string;
  readonly tradingHours: string;
  readonly timeZone: string;
  readonly status: MarketStatus;
  readonly session: SessionSpan;
  readonly upcoming: SessionSpan;
}

/** Whether orders are taken, and the market's phase as NinjaTrader would write it. */
export interface MarketStatus {
  readonly isOpen: boolean;
  readonly state: string;
}

/** One trading session, in UTC and in the exchange's own time. */
export interface SessionSpan {
  readonly label?: string;
  readonly utcStart: string;
  readonly utcEnd: string;
  readonly localStart?: string;
  readonly localEnd?: string;
  readonly countdown?: string;
  readonly action?: string;
  readonly secondsRemaining?: number;
}

/** Bars of so many minutes, or of a day; `from` goes before `daysBack`. */
export interface BarsArgs {
  readonly instrument: string;
  readonly periodType?: "minute" | "day";
  readonly period?: number;
  readonly daysBack?: number;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: number;
}

/** Bars of one instrument. */
export interface BarsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly instrument: string;
  readonly periodType: string;
  readonly period: number;
  readonly count: number;
  readonly bars: readonly BarAnswer[];
  readonly since?: string | null;
}

/** One bar; `time` and `epoch` (milliseconds) are its beginning. */
export interface BarAnswer {
  readonly time: string;
  readonly epoch: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** One order. What CrossTrade knows beside this (`strategy`, …) is refused, never ignored. */
export interface PlaceOrderArgs {
  readonly account: string;
  readonly instrument: string;
  readonly action: "buy" | "sell";
  readonly quantity: number | string;
  readonly orderType: "MARKET" | "LIMIT" | "STOPMARKET" | "STOPLIMIT";
  readonly timeInForce?: "day" | "gtc" | "ioc" | "fok";
  readonly limitPrice?: number | string;
  readonly stopPrice?: number | string;
  readonly ocoId?: string;
  readonly tag?: string;
  readonly reduceOnly?: boolean;
  readonly holding?: "net" | "long" | "short";
  readonly product?: string;
  readonly requireMarketPosition?: string;
  readonly maxPositions?: number | string;
}

/** One order, placed, changed or canceled. */
export interface OrderPlacedAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly orderId: string;
  readonly orderState?: string;
  readonly venueOrderId?: string | null;
}

/** One order, by the venue's id or ours. */
export interface CancelArgs {
  readonly account?: string;
  readonly orderId: string;
}

/** The working orders of one account, or those of some instruments of it. */
export interface CancelOrdersArgs {
  readonly account: string;
  readonly instrument?: string;
  readonly instruments?: readonly string[];
}

/** `orderIds` are proven canceled. */
export interface OrdersCanceledAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly orderIds: readonly string[];
  readonly pendingOrderIds?: readonly string[];
  readonly failed?: readonly (Readonly<Record<string, unknown>>)[];
}

/** No args of its own: the filters of `CancelOrders` are known here to be refused by name. */
export interface CancelAllOrdersArgs {
}

/** One position of one account: as much of it on the other side. */
export interface ReverseArgs {
  readonly dryRun?: boolean;
  readonly planHash?: string;
  readonly reason?: string;
  readonly deadlineMs?: number;
  readonly fraction?: number | string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested" | "override";
  readonly waitForOpen?: boolean;
  readonly dust?: "close" | "leave";
  readonly stayFlatMs?: number;
  readonly onRefill?: "report" | "close";
  readonly breakGlass?: boolean;
  readonly account: string;
  readonly instrument: string;
}

/** As `Flatten`; then what became of the order that followed. `placed` null: not known. */
export interface ReverseAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly operationId: string;
  readonly flat: boolean;
  readonly statusCode: number;
  readonly provenAt: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly legs: readonly LegAnswer[];
  readonly canceledOrderIds: readonly string[];
  readonly durationMs: number;
  readonly planHash: string;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature?: string;
  readonly stayFlatUntil?: string;
  readonly failures?: readonly FailureAnswer[];
  readonly legsOmitted?: number;
  readonly more?: string;
  readonly cancelled?: boolean;
  readonly approvedBy?: string;
  readonly alone?: boolean;
  readonly fromPreferences?: Readonly<Record<string, unknown>>;
  readonly fromPolicy?: Readonly<Record<string, unknown>>;
  readonly warnings?: readonly string[];
  readonly unprotected?: boolean;
  readonly error?: string;
  readonly detail?: string;
  readonly orderIds: readonly string[];
  readonly closedPositions: readonly PositionAnswer[];
  readonly remainingPositions: readonly PositionAnswer[];
  readonly warning?: string;
  readonly placed: boolean | null;
  readonly orderId?: string;
  readonly orderState?: string;
  readonly venueOrderId?: string;
}

/** The options of the close, and the order of `PlaceOrder` that follows it. */
export interface FlatPlaceArgs {
  readonly dryRun?: boolean;
  readonly planHash?: string;
  readonly reason?: string;
  readonly deadlineMs?: number;
  readonly fraction?: number | string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested" | "override";
  readonly waitForOpen?: boolean;
  readonly dust?: "close" | "leave";
  readonly stayFlatMs?: number;
  readonly onRefill?: "report" | "close";
  readonly breakGlass?: boolean;
  readonly account: string;
  readonly instrument: string;
  readonly action: "buy" | "sell";
  readonly quantity: number | string;
  readonly orderType: "MARKET" | "LIMIT" | "STOPMARKET" | "STOPLIMIT";
  readonly timeInForce?: "day" | "gtc" | "ioc" | "fok";
  readonly limitPrice?: number | string;
  readonly stopPrice?: number | string;
  readonly ocoId?: string;
  readonly tag?: string;
  readonly holding?: "net" | "long" | "short";
  readonly product?: string;
}

/** What is left out stays as it is; `quantity` is the new total, what has filled included. */
export interface ChangeArgs {
  readonly account?: string;
  readonly orderId: string;
  readonly quantity?: number | string;
  readonly limitPrice?: number | string;
  readonly stopPrice?: number | string;
}

/** The order as it is now; a price that it does not have is 0. */
export interface OrderChangedAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly orderId: string;
  readonly orderState?: string;
  readonly venueOrderId?: string | null;
  readonly quantity: number;
  readonly filled: number;
  readonly limitPrice: number;
  readonly stopPrice: number;
}

/** The order to cancel, and the order of `PlaceOrder` that takes its place. */
export interface CancelReplaceArgs {
  readonly account: string;
  readonly orderId: string;
  readonly instrument: string;
  readonly action: "buy" | "sell";
  readonly quantity: number | string;
  readonly orderType: "MARKET" | "LIMIT" | "STOPMARKET" | "STOPLIMIT";
  readonly timeInForce?: "day" | "gtc" | "ioc" | "fok";
  readonly limitPrice?: number | string;
  readonly stopPrice?: number | string;
  readonly ocoId?: string;
  readonly tag?: string;
  readonly reduceOnly?: boolean;
  readonly holding?: "net" | "long" | "short";
  readonly product?: string;
}

/** The order that was placed, and whether the one before it is proven canceled. */
export interface OrderReplacedAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly orderId: string;
  readonly orderState?: string;
  readonly venueOrderId?: string | null;
  readonly replacedOrderId: string;
  readonly canceled: boolean;
}

/** A stop at `stopPrice`, a target at `limitPrice`, or both as an OCO pair. */
export interface CancelAndBracketArgs {
  readonly account: string;
  readonly instrument: string;
  readonly stopPrice?: number | string;
  readonly limitPrice?: number | string;
  readonly timeInForce?: "day" | "gtc" | "ioc" | "fok";
  readonly holding?: "net" | "long" | "short";
  readonly tag?: string;
}

/** The orders that guard the position now; `quantity` null: not known what is left of it. */
export interface BracketAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly orderIds: readonly string[];
  readonly canceledOrderIds: readonly string[];
  readonly quantity: number | null;
  readonly unprotected: boolean;
  readonly failed?: readonly UnplacedOrder[];
}

/** An order that the venue does not have, or may have: then ask for it. */
export interface UnplacedOrder {
  readonly orderId: string;
  readonly error: string | null;
  readonly detail: string;
}

/** One to 25 orders, all checked before the first is sent. */
export interface PlaceMultiOrderArgs {
  readonly orders: readonly MultiOrder[];
}

/** One order of the list, in Upstox's names. */
export interface MultiOrder {
  readonly correlation_id: string;
  readonly instrument_token: string;
  readonly transaction_type: "BUY" | "SELL";
  readonly quantity: number | string;
  readonly order_type: "MARKET" | "LIMIT" | "SL-M" | "SL";
  readonly price?: number | string;
  readonly trigger_price?: number | string;
  readonly validity?: "DAY" | "IOC";
  readonly product?: string;
  readonly tag?: string;
  readonly account?: string;
}

/** Upstox: many orders at once, one row each. */
export interface MultiOrderAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly status: string;
  readonly data: readonly PlacedRow[];
  readonly errors: readonly ErrorRow[] | null;
  readonly summary: Readonly<Record<string, number>>;
  readonly statusCode: number;
}

/** An order the venue has. */
export interface PlacedRow {
  readonly correlation_id: string;
  readonly order_id: string;
}

/** An order that was refused, or whose outcome is unknown: then ask for `order_id`. */
export interface ErrorRow {
  readonly correlation_id: string | null;
  readonly order_id: string;
  readonly instrument_key: string | null;
  readonly error_code: string;
  readonly message: string;
}

/** At least one filter; all that are given must match. */
export interface CancelMultiOrderArgs {
  readonly tag?: string;
  readonly user_id?: string;
  readonly instruments?: readonly string[];
  readonly order_ids?: readonly string[];
}

/** Upstox: many cancels at once; `errors` null: each is proven canceled. */
export interface CancelMultiAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly status: string;
  readonly data: CanceledIds;
  readonly errors: readonly ErrorRow[] | null;
  readonly summary: Readonly<Record<string, number>>;
  readonly statusCode: number;
}

/** Proven canceled. */
export interface CanceledIds {
  readonly order_ids: readonly string[];
}

/** The newest first; `before` pages on. `all` shows those of others too (risk or admin). */
export interface ListOperationsArgs {
  readonly before?: string;
  readonly limit?: number;
  readonly all?: boolean;
}

/** Operations, the newest first. */
export interface OperationsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly count?: number;
  readonly next?: string | number;
  readonly operations: readonly OperationAnswer[];
}

/** One operation in a list. */
export interface OperationAnswer {
  readonly operationId: string;
  readonly api: string;
  readonly principal: string;
  readonly idempotencyKey: string | null;
  readonly openedAt: string;
  readonly finishedAt: string | null;
  readonly running: boolean;
  readonly success: boolean | null;
  readonly flat: boolean | null;
  readonly dryRun: boolean;
  readonly legs: number;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
}

/** One operation; its legs after the leg `after`, `limit` of them. */
export interface GetOperationArgs {
  readonly operationId: string;
  readonly after?: number;
  readonly limit?: number;
}

/** One operation and a page of its legs; `next` is there where more follow. */
export interface OperationPageAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly operation: OperationDetail;
  readonly legs: readonly DetailedLeg[];
  readonly next?: number;
}

/** One operation. `success` and `flat` are null until it has ended. */
export interface OperationDetail {
  readonly operationId: string;
  readonly api: string;
  readonly principal: string;
  readonly idempotencyKey: string | null;
  readonly reason: string;
  readonly openedAt: string;
  readonly finishedAt: string | null;
  readonly running: boolean;
  readonly success: boolean | null;
  readonly flat: boolean | null;
  readonly dryRun: boolean;
  readonly cancelled: boolean;
  readonly error: string | null;
  readonly detail: string;
  readonly planHash: string;
  readonly provenAt: string | null;
  readonly durationMs: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: readonly FailureAnswer[];
  readonly total: number;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature?: string;
  readonly approvedBy?: string;
  readonly alone?: boolean;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
  readonly fromPreferences?: Readonly<Record<string, unknown>>;
  readonly fromPolicy?: Readonly<Record<string, unknown>>;
}

/** One leg with its orders, as `GetOperation` pages them. */
export interface DetailedLeg {
  readonly leg: number;
  readonly positionId: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly product?: string;
  readonly side: string;
  readonly outcome: string | null;
  readonly quantity: string;
  readonly target: string;
  readonly closed: string;
  readonly remaining: string;
  readonly flipped?: boolean;
  readonly averagePrice?: string;
  readonly realized?: string;
  readonly fees?: string;
  readonly reason?: string;
  readonly detail?: string;
  readonly orderIds?: readonly string[];
  readonly canceledOrderIds?: readonly string[];
  readonly unprotected?: boolean;
  readonly joined?: boolean;
  readonly provenAt?: string;
  readonly orders?: readonly LegsOrderAnswer[];
}

/** One order that an operation sent. */
export interface LegsOrderAnswer {
  readonly orderId: string;
  readonly venueOrderId?: string;
  readonly side: string;
  readonly type: string;
  readonly status: string;
  readonly quantity: string;
  readonly filled: string;
  readonly averagePrice?: string;
  readonly limitPrice?: string;
  readonly reason?: string;
  readonly detail?: string;
}

/** What became of an order nobody can ask about: `filled` is how much of it. */
export interface ResolveOrderArgs {
  readonly clientOrderId: string;
  readonly outcome: "filled" | "canceled" | "never_existed";
  readonly filled?: number | string;
  readonly reason: string;
}

/** A person's word about an unknown order is journaled. */
export interface OrderResolvedAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly orderId: string;
}

/** The server's time; `epoch` in milliseconds. */
export interface PongAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly time: string;
  readonly epoch: number;
}

/** What is halted: all that every filter matches, or `everything`; how far; and why. */
export interface HaltArgs {
  readonly account?: string;
  readonly venue?: string;
  readonly instrument?: string;
  readonly strategyTag?: string;
  readonly user?: string;
  readonly everything?: boolean;
  readonly level?: "no_new_risk" | "cancel" | "flatten_and_lock";
  readonly reason: string;
}

/** A halt that stands now, or was released. */
export interface HaltSetAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly halt: HaltAnswer;
  readonly haltId?: string;
  readonly complete?: boolean;
  readonly unreadAccounts?: readonly string[];
  readonly canceledOrderIds?: readonly string[];
  readonly pendingOrderIds?: readonly string[];
  readonly operationId?: string;
  readonly operations?: readonly string[];
}

/** A halt that stands. A filter that is null does not narrow it. */
export interface HaltAnswer {
  readonly haltId: string;
  readonly level: string;
  readonly account: string | null;
  readonly venue: string | null;
  readonly instrument: string | null;
  readonly strategyTag: string | null;
  readonly user: string | null;
  readonly everything: boolean;
  readonly grants: readonly string[];
  readonly reason: string;
  readonly principal: string;
  readonly at: string;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
}

/** One halt by its id, and why it may go. */
export interface ReleaseArgs {
  readonly haltId: string;
  readonly reason: string;
}

/** Halts that stand. */
export interface HaltsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly count?: number;
  readonly next?: string | number;
  readonly halts: readonly HaltAnswer[];
}

/** One rule. Which keys a kind takes is said in protocol.md; others are refused. */
export interface SetRuleArgs {
  readonly ruleId?: string;
  readonly kind: "flatten_at" | "daily_loss" | "drawdown" | "exposure" | "position" | "retry";
  readonly accounts?: readonly string[];
  readonly reason: string;
  readonly at?: string;
  readonly until?: string;
  readonly timeZone?: string;
  readonly calendar?: string;
  readonly amount?: number | string;
  readonly action?: "alert" | "halt" | "flatten_and_lock";
  readonly instrument?: string;
  readonly dayStartsAt?: string;
  readonly times?: number;
  readonly everyMs?: number;
  readonly forMs?: number;
  readonly offsetTicks?: number;
}

/** A rule that stands now. */
export interface RuleSetAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly rule: RuleAnswer;
}

/** A rule that stands. Keys its kind does not have are absent. */
export interface RuleAnswer {
  readonly ruleId: string;
  readonly kind: string;
  readonly accounts: readonly string[];
  readonly reason: string;
  readonly principal: string;
  readonly since: string;
  readonly at?: string;
  readonly until?: string;
  readonly timeZone?: string;
  readonly calendar?: string;
  readonly nextAt?: string;
  readonly lastDay?: string;
  readonly amount?: number;
  readonly action?: string;
  readonly instrument?: string;
  readonly dayStartsAt?: string;
  readonly times?: number;
  readonly everyMs?: number;
  readonly forMs?: number;
  readonly offsetTicks?: number;
  readonly marks?: readonly MarkAnswer[];
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
}

/** What a limit remembers of one account. */
export interface MarkAnswer {
  readonly account: string;
  readonly day: string | null;
  readonly dayStartEquity: number | null;
  readonly highestEquity: number | null;
  readonly beyond: boolean;
  readonly timesPassed: number;
}

/** One rule by its id, and why it may go. */
export interface RemoveRuleArgs {
  readonly ruleId: string;
  readonly reason: string;
}

/** A rule that stands no more. */
export interface RuleRemovedAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly ruleId: string;
}

/** Rules that stand, the oldest first. */
export interface RulesAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly count?: number;
  readonly next?: string | number;
  readonly rules: readonly RuleAnswer[];
}

/** After so long a silence this closing call is made. */
export interface ArmDeadmanArgs {
  readonly switchId?: string;
  readonly timeoutMs: number;
  readonly api: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly reason: string;
}

/** A dead-man's switch. */
export interface SwitchSetAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly switch: SwitchAnswer;
}

/** A switch as it stands; `fired_at` null: it is armed, and fires at `fires_at`. */
export interface SwitchAnswer {
  readonly switchId: string;
  readonly timeoutMs: number;
  readonly renewEveryMs: number;
  readonly api: string;
  readonly args: unknown;
  readonly principal: string;
  readonly reason: string;
  readonly since: string;
  readonly firesAt: string | null;
  readonly firedAt: string | null;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
}

/** I am here. */
export interface RenewDeadmanArgs {
  readonly switchId: string;
}

/** I am going, and mean it. */
export interface DisarmDeadmanArgs {
  readonly switchId: string;
  readonly reason: string;
}

/** Dead-man's switches, the oldest first. */
export interface SwitchesAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly count?: number;
  readonly next?: string | number;
  readonly switches: readonly SwitchAnswer[];
}

/** Legs that ended, the newest first: all that every filter matches. `before` pages on. */
export interface QueryAuditArgs {
  readonly user?: string;
  readonly strategy?: string;
  readonly instrument?: string;
  readonly venue?: string;
  readonly account?: string;
  readonly operationId?: string;
  readonly outcome?: "flat" | "reduced" | "dust" | "partial" | "rejected" | "waiting_market" | "unknown" | "excluded" | "cancelled";
  readonly since?: string;
  readonly until?: string;
  readonly summary?: boolean;
  readonly before?: number;
  readonly limit?: number;
}

/** The exit log; `summary` is over all exits of the filter, not of the page. */
export interface ExitsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly count?: number;
  readonly next?: string | number;
  readonly exits: readonly ExitAnswer[];
  readonly summary?: readonly InstrumentSummary[];
  readonly summarized?: number;
  readonly summaryOmitted?: number;
}

/** One line of the exit log. Quantities and prices are decimal strings. */
export interface ExitAnswer {
  readonly auditSeq: number;
  readonly at: string;
  readonly user: string;
  readonly api: string;
  readonly operationId: string;
  readonly leg: number;
  readonly strategy: string | null;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string | null;
  readonly quantity: string;
  readonly closed: string;
  readonly averagePrice: string | null;
  readonly remaining: string;
  readonly outcome: string;
  readonly why: string;
  readonly reason: string;
  readonly remote: string;
  readonly provenAt: string | null;
  readonly sandbox?: boolean;
}

/** What the exits of one instrument come to, over all accounts. */
export interface InstrumentSummary {
  readonly instrument: string;
  readonly exits: number;
  readonly closed: string;
  readonly averagePrice: string | null;
  readonly outcomes: Readonly<Record<string, number>>;
}

/** Whether the chain of the audit is intact. */
export interface ChainAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly intact: boolean;
  readonly records: number;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly auditSignature: string | null;
  readonly publicKey: string | null;
  readonly firstBroken: number | null;
  readonly detail: string;
}

/** The newest first: all that every filter matches. `before` pages on. */
export interface ListAlertsArgs {
  readonly code?: string;
  readonly venue?: string;
  readonly account?: string;
  readonly since?: string;
  readonly open?: boolean;
  readonly before?: number;
  readonly limit?: number;
}

/** Alerts, the newest first. */
export interface AlertsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly count?: number;
  readonly next?: string | number;
  readonly alerts: readonly AlertItem[];
}

/** One alert by its place in the audit, and what is done about it. */
export interface AcknowledgeAlertArgs {
  readonly auditSeq: number;
  readonly reason: string;
}

/** One alert, with who looks at it. */
export interface AlertAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly alert: AlertItem;
}

/** Calls that wait for a second person. */
export interface ApprovalsAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly count?: number;
  readonly next?: string | number;
  readonly approvals: readonly ApprovalAnswer[];
}

/** One call that waits for a second person. */
export interface ApprovalAnswer {
  readonly code: string;
  readonly api: string;
  readonly principal: string;
  readonly reason: string;
  readonly why: string;
  readonly askedAt: string;
  readonly expiresAt: string;
  readonly accounts: readonly string[];
  readonly positions: number;
  readonly planHash: string;
  readonly planOperationId: string;
  readonly sandbox?: boolean;
  readonly sandboxVenues?: readonly string[];
}

/** The code that the first call was answered with. */
export interface ConfirmArgs {
  readonly code: string;
  readonly reason?: string;
}

/** What was confirmed, and the operation that it is now. */
export interface ConfirmedAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly operationId: string;
  readonly approval: ApprovalAnswer;
}

/** Whose: one's own, or, for administrators, another's. */
export interface GetPreferencesArgs {
  readonly user?: string;
}

/** What a user prefers. */
export interface PreferencesSetAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly preferences: PreferencesAnswer;
}

/** Preferences that stand. What is absent is as without preferences. */
export interface PreferencesAnswer {
  readonly user: string;
  readonly executionType?: string;
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: string;
  readonly dust?: string;
  readonly deadlineMs?: number;
  readonly waitForOpen?: boolean;
  readonly scope?: ScopeAnswer;
  readonly alerts?: readonly string[];
  readonly reason?: string;
  readonly principal?: string;
  readonly since?: string;
}

/** What `scope: preferred` stands for. */
export interface ScopeAnswer {
  readonly accounts?: readonly string[];
  readonly instruments?: readonly string[];
  readonly strategyTag?: string;
}

/** What is given takes the place of what stood; what is left out stays; `clear` forgets. */
export interface SetPreferencesArgs {
  readonly user?: string;
  readonly executionType?: "market" | "ladder";
  readonly ladder?: readonly LadderArg[];
  readonly onFence?: "wait" | "uncontested";
  readonly dust?: "close" | "leave";
  readonly deadlineMs?: number;
  readonly waitForOpen?: boolean;
  readonly accounts?: readonly string[];
  readonly instruments?: readonly string[];
  readonly strategyTag?: string;
  readonly alerts?: readonly string[];
  readonly clear?: readonly string[];
  readonly reason?: string;
}

/** The policy. */
export interface PolicySetAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly policy: PolicyAnswer;
}

/** The policy in force, and the deployment's own limits, which it cannot exceed. */
export interface PolicyAnswer {
  readonly rates: readonly RateAnswer[];
  readonly thresholds: readonly ThresholdAnswer[];
  readonly hours: readonly HoursAnswer[];
  readonly sizes: readonly SizeAnswer[];
  readonly retry: RetryAnswer | null;
  readonly retentionDays: number | null;
  readonly deployment: Readonly<Record<string, number>>;
  readonly reason: string | null;
  readonly principal: string | null;
  readonly since: string | null;
}

/** A base class for defining efficient serializable objects. */
export interface RateAnswer {
  readonly role?: string;
  readonly token?: string;
  readonly account?: string;
  readonly api?: string;
  readonly perSecond: number;
  readonly burst: number;
}

/** A base class for defining efficient serializable objects. */
export interface ThresholdAnswer {
  readonly of: string;
  readonly amount: number;
  readonly needs: string;
  readonly currency?: string;
  readonly accounts?: readonly string[];
}

/** A base class for defining efficient serializable objects. */
export interface HoursAnswer {
  readonly accounts?: readonly string[];
  readonly checkHours?: boolean;
  readonly waitForOpen?: boolean;
}

/** A base class for defining efficient serializable objects. */
export interface SizeAnswer {
  readonly accounts?: readonly string[];
  readonly instrument?: string;
  readonly order?: number;
  readonly position?: number;
}

/** A base class for defining efficient serializable objects. */
export interface RetryAnswer {
  readonly times: number;
  readonly everyMs: number;
  readonly forMs: number;
  readonly offsetTicks?: number;
}

/** What is given takes the place of what stood; what is left out stays; `clear` forgets. */
export interface SetPolicyArgs {
  readonly rates?: readonly RateArg[];
  readonly thresholds?: readonly ThresholdArg[];
  readonly hours?: readonly HoursArg[];
  readonly sizes?: readonly SizeArg[];
  readonly retry?: RetryArg;
  readonly retentionDays?: number;
  readonly clear?: readonly string[];
  readonly reason: string;
}

/** Of exactly one: so many calls a second, so many at once. */
export interface RateArg {
  readonly role?: string;
  readonly token?: string;
  readonly account?: string;
  readonly api?: string;
  readonly perSecond: number | string;
  readonly burst?: number;
}

/** How much a closing call may lose or close before more is needed. */
export interface ThresholdArg {
  readonly of: "loss" | "exposure";
  readonly amount: number | string;
  readonly needs: "warn" | "reason" | "second_person";
  readonly currency?: string;
  readonly accounts?: readonly string[];
}

/** What closing calls do about a closed market. */
export interface HoursArg {
  readonly accounts?: readonly string[];
  readonly checkHours?: boolean;
  readonly waitForOpen?: boolean;
}

/** How large an order that opens risk may be, and the position that it makes. */
export interface SizeArg {
  readonly accounts?: readonly string[];
  readonly instrument?: string;
  readonly order?: number | string;
  readonly position?: number | string;
}

/** How often, how far apart, for how long, how wide: as a rule of the kind `retry`. */
export interface RetryArg {
  readonly times: number;
  readonly everyMs: number;
  readonly forMs: number;
  readonly offsetTicks?: number;
}

/** A token for a principal; `accounts` are grants, `"*"` for every account. */
export interface CreateTokenArgs {
  readonly principal: string;
  readonly roles: readonly string[];
  readonly accounts: readonly string[];
  readonly expiresAt?: string;
  readonly reason?: string;
}

/** `token` is told once, here, and stored nowhere. */
export interface NewTokenAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly token: string;
  readonly row: TokenAnswer;
  readonly old?: TokenAnswer;
}

/** A token as its administrators see it: never the token itself. */
export interface TokenAnswer {
  readonly tokenId: string;
  readonly principal: string;
  readonly roles: readonly string[];
  readonly accounts: readonly string[];
  readonly createdAt: string;
  readonly revokedAt: string | null;
  readonly expiresAt: string | null;
  readonly createdBy: string | null;
}

/** A token by its public name, or the caller's own; the old one lives on for `graceMs`. */
export interface RotateTokenArgs {
  readonly tokenId?: string;
  readonly graceMs?: number;
  readonly expiresAt?: string;
  readonly reason?: string;
}

/** Tokens, never the secrets themselves. */
export interface TokensAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly tokens: readonly TokenAnswer[];
}

/** A token by its public name. */
export interface RevokeTokenArgs {
  readonly tokenId: string;
  readonly reason?: string;
}

/** The token that is worth nothing any more. */
export interface TokenRevokedAnswer {
  readonly success: boolean;
  readonly rateLimit?: RateLimit;
  readonly tokenId: string;
}

/** Every frame of a client, by `action`. */
export type ClientFrame = Auth | Rpc | Attach | Cancel | Subscribe | Unsubscribe | StreamPnl | Ping;

/** Every frame of the server, by `type`, but the final answer: it has none. */
export type ServerFrame = Accepted | ProgressFrame | ErrorFrame | Notice | Authenticated | Pong | CancelRequested | Subscribed | Unsubscribed | PnlStreaming | MarketData | PnlUpdate | ChannelEvents;

/** Args by api. */
export interface ArgsByApi {
  readonly Flatten: FlattenArgs;
  readonly FlattenEverything: FlattenEverythingArgs;
  readonly ClosePosition: ClosePositionArgs;
  readonly ExitAll: ExitAllArgs;
  readonly BatchClose: BatchCloseArgs;
  readonly Liquidate: LiquidateArgs;
  readonly LiquidateAll: LiquidateAllArgs;
  readonly GetPortfolioPositions: PortfolioArgs;
  readonly ListAccounts: NoArgs;
  readonly GetAccount: AccountArgs;
  readonly ListPositions: AccountRowsArgs;
  readonly GetAllPositions: AllPositionsArgs;
  readonly GetPosition: PositionArgs;
  readonly ListOrders: AccountRowsArgs;
  readonly GetAllOrders: Paged;
  readonly GetOrder: OrderArgs;
  readonly ListExecutions: ExecutionsArgs;
  readonly GetOrderStatus: OrderArgs;
  readonly GetOrderLifecycle: LifecycleArgs;
  readonly GetExecution: ExecutionArgs;
  readonly GetExecutionsByOrderId: OrderFillsArgs;
  readonly GetAccountSummary: NoArgs;
  readonly GetWatermarks: NoArgs;
  readonly GetConnections: NoArgs;
  readonly GetQuote: QuoteArgs;
  readonly MarketInfo: MarketInfoArgs;
  readonly GetBars: BarsArgs;
  readonly PlaceOrder: PlaceOrderArgs;
  readonly Cancel: CancelArgs;
  readonly CancelOrder: CancelArgs;
  readonly CancelOrders: CancelOrdersArgs;
  readonly CancelAllOrders: CancelAllOrdersArgs;
  readonly Reverse: ReverseArgs;
  readonly ReversePosition: FlatPlaceArgs;
  readonly FlatPlace: FlatPlaceArgs;
  readonly Change: ChangeArgs;
  readonly CancelReplace: CancelReplaceArgs;
  readonly CancelAndBracket: CancelAndBracketArgs;
  readonly PlaceMultiOrder: PlaceMultiOrderArgs;
  readonly CancelMultiOrder: CancelMultiOrderArgs;
  readonly ListOperations: ListOperationsArgs;
  readonly GetOperation: GetOperationArgs;
  readonly ResolveOrder: ResolveOrderArgs;
  readonly Ping: NoArgs;
  readonly Halt: HaltArgs;
  readonly Release: ReleaseArgs;
  readonly ListHalts: NoArgs;
  readonly SetRule: SetRuleArgs;
  readonly RemoveRule: RemoveRuleArgs;
  readonly ListRules: NoArgs;
  readonly ArmDeadman: ArmDeadmanArgs;
  readonly RenewDeadman: RenewDeadmanArgs;
  readonly DisarmDeadman: DisarmDeadmanArgs;
  readonly ListSwitches: NoArgs;
  readonly QueryAudit: QueryAuditArgs;
  readonly VerifyAudit: NoArgs;
  readonly ListAlerts: ListAlertsArgs;
  readonly AcknowledgeAlert: AcknowledgeAlertArgs;
  readonly ListApprovals: NoArgs;
  readonly Confirm: ConfirmArgs;
  readonly GetPreferences: GetPreferencesArgs;
  readonly SetPreferences: SetPreferencesArgs;
  readonly GetPolicy: NoArgs;
  readonly SetPolicy: SetPolicyArgs;
  readonly CreateToken: CreateTokenArgs;
  readonly RotateToken: RotateTokenArgs;
  readonly ListTokens: NoArgs;
  readonly RevokeToken: RevokeTokenArgs;
}

/** Answers by api. */
export interface AnswerByApi {
  readonly Flatten: FlattenAnswer;
  readonly FlattenEverything: FlattenAnswer;
  readonly ClosePosition: FlattenAnswer;
  readonly ExitAll: ExitAllAnswer;
  readonly BatchClose: BatchCloseAnswer;
  readonly Liquidate: LiquidateAnswer;
  readonly LiquidateAll: LiquidateAnswer;
  readonly GetPortfolioPositions: PortfolioAnswer;
  readonly ListAccounts: AccountsAnswer;
  readonly GetAccount: AccountAnswer;
  readonly ListPositions: PositionsAnswer;
  readonly GetAllPositions: PositionsAnswer;
  readonly GetPosition: OnePositionAnswer;
  readonly ListOrders: OrdersAnswer;
  readonly GetAllOrders: OrdersAnswer;
  readonly GetOrder: OneOrderAnswer;
  readonly ListExecutions: ExecutionsAnswer;
  readonly GetOrderStatus: OrderStatusAnswer;
  readonly GetOrderLifecycle: LifecycleAnswer;
  readonly GetExecution: OneExecutionAnswer;
  readonly GetExecutionsByOrderId: ExecutionsAnswer;
  readonly GetAccountSummary: SummaryAnswer;
  readonly GetWatermarks: WatermarksAnswer;
  readonly GetConnections: ConnectionsAnswer;
  readonly GetQuote: QuoteAnswer;
  readonly MarketInfo: MarketInfoAnswer;
  readonly GetBars: BarsAnswer;
  readonly PlaceOrder: OrderPlacedAnswer;
  readonly Cancel: OrderPlacedAnswer;
  readonly CancelOrder: OrderPlacedAnswer;
  readonly CancelOrders: OrdersCanceledAnswer;
  readonly CancelAllOrders: OrdersCanceledAnswer;
  readonly Reverse: ReverseAnswer;
  readonly ReversePosition: ReverseAnswer;
  readonly FlatPlace: ReverseAnswer;
  readonly Change: OrderChangedAnswer;
  readonly CancelReplace: OrderReplacedAnswer;
  readonly CancelAndBracket: BracketAnswer;
  readonly PlaceMultiOrder: MultiOrderAnswer;
  readonly CancelMultiOrder: CancelMultiAnswer;
  readonly ListOperations: OperationsAnswer;
  readonly GetOperation: OperationPageAnswer;
  readonly ResolveOrder: OrderResolvedAnswer;
  readonly Ping: PongAnswer;
  readonly Halt: HaltSetAnswer;
  readonly Release: HaltSetAnswer;
  readonly ListHalts: HaltsAnswer;
  readonly SetRule: RuleSetAnswer;
  readonly RemoveRule: RuleRemovedAnswer;
  readonly ListRules: RulesAnswer;
  readonly ArmDeadman: SwitchSetAnswer;
  readonly RenewDeadman: SwitchSetAnswer;
  readonly DisarmDeadman: SwitchSetAnswer;
  readonly ListSwitches: SwitchesAnswer;
  readonly QueryAudit: ExitsAnswer;
  readonly VerifyAudit: ChainAnswer;
  readonly ListAlerts: AlertsAnswer;
  readonly AcknowledgeAlert: AlertAnswer;
  readonly ListApprovals: ApprovalsAnswer;
  readonly Confirm: ConfirmedAnswer;
  readonly GetPreferences: PreferencesSetAnswer;
  readonly SetPreferences: PreferencesSetAnswer;
  readonly GetPolicy: PolicySetAnswer;
  readonly SetPolicy: PolicySetAnswer;
  readonly CreateToken: NewTokenAnswer;
  readonly RotateToken: NewTokenAnswer;
  readonly ListTokens: TokensAnswer;
  readonly RevokeToken: TokenRevokedAnswer;
}

/** The args of one api. */
export type ArgsOf<Api extends ApiName> = ArgsByApi[Api];

/** The answer of one api. */
export type AnswerOf<Api extends ApiName> = AnswerByApi[Api];

/** An api that opens an operation. */
export type ClosingApiName = { [Api in ApiName]: (typeof APIS)[Api] extends 'closing' ? Api : never }[ApiName];
