/** Every field of preferences and of the policy, in the words of protocol.md. */
import { MEANINGS } from "../words/alerts.ts";
import type { Choice, Field } from "./fields.ts";

const same = (...values: readonly string[]): readonly Choice[] =>
  values.map((value) => ({ value, label: value }));

const YES_NO: readonly Choice[] = same("yes", "no");

const ACCOUNTS: Field = {
  key: "accounts",
  label: "Accounts",
  kind: "list",
  description: "With commas between them",
};

export const EXECUTION: readonly Field[] = [
  {
    key: "executionType",
    label: "Execution",
    kind: "choice",
    choices: [
      { value: "market", label: "At market" },
      { value: "ladder", label: "By the ladder below" },
    ],
  },
  {
    key: "onFence",
    label: "Orders not proven gone",
    kind: "choice",
    choices: [
      { value: "uncontested", label: "Close what they cannot touch" },
      { value: "wait", label: "Wait for them" },
    ],
  },
  {
    key: "dust",
    label: "Dust",
    kind: "choice",
    choices: [
      { value: "close", label: "Close it where that is possible" },
      { value: "leave", label: "Leave it, and call it flat" },
    ],
  },
  { key: "deadlineMs", label: "Deadline (ms)", kind: "integer" },
  { key: "waitForOpen", label: "Wait for a closed market", kind: "yes_no", choices: YES_NO },
];

export const LADDER: readonly Field[] = [
  { key: "type", label: "Type", kind: "choice", choices: same("limit", "market") },
  { key: "offsetTicks", label: "Ticks from the touch", kind: "text" },
  { key: "afterMs", label: "From (ms)", kind: "integer" },
];

export const SCOPE: readonly Field[] = [
  ACCOUNTS,
  {
    key: "instruments",
    label: "Instruments",
    kind: "list",
    description: "With commas between them",
  },
  {
    key: "strategyTag",
    label: "Strategy tag",
    kind: "text",
    description: "All three that are said must match",
  },
];

export const ALERTS: readonly Field[] = [
  {
    key: "alerts",
    label: "Alerts that I am told",
    kind: "many",
    description: "None chosen: all of them",
    choices: Object.entries(MEANINGS).map(([value, { title }]) => ({ value, label: title })),
  },
];

export const RATES: readonly Field[] = [
  { key: "role", label: "Role", kind: "text" },
  { key: "token", label: "Token", kind: "text" },
  { key: "account", label: "Account", kind: "text" },
  { key: "api", label: "Call", kind: "text" },
  { key: "perSecond", label: "A second", kind: "figure" },
  { key: "burst", label: "At once", kind: "integer" },
];

export const THRESHOLDS: readonly Field[] = [
  { key: "of", label: "Of", kind: "choice", choices: same("loss", "exposure") },
  { key: "amount", label: "From", kind: "figure" },
  { key: "currency", label: "Currency", kind: "text" },
  {
    key: "needs",
    label: "Needs",
    kind: "choice",
    choices: [
      { value: "warn", label: "a warning" },
      { value: "reason", label: "a reason" },
      { value: "second_person", label: "a second person" },
    ],
  },
  ACCOUNTS,
];

export const HOURS: readonly Field[] = [
  ACCOUNTS,
  { key: "checkHours", label: "Check before sending", kind: "yes_no", choices: YES_NO },
  { key: "waitForOpen", label: "Wait for the market", kind: "yes_no", choices: YES_NO },
];

export const SIZES: readonly Field[] = [
  ACCOUNTS,
  { key: "instrument", label: "Instrument", kind: "text" },
  { key: "order", label: "Largest order", kind: "figure" },
  { key: "position", label: "Largest position", kind: "figure" },
];

export const RETRY: readonly Field[] = [
  { key: "times", label: "Times", kind: "integer" },
  { key: "everyMs", label: "Every (ms)", kind: "integer" },
  { key: "forMs", label: "For (ms)", kind: "integer" },
  { key: "offsetTicks", label: "Wider by (ticks)", kind: "integer" },
];

export const RETENTION: readonly Field[] = [
  {
    key: "retentionDays",
    label: "Days the journal keeps what has ended",
    kind: "integer",
    description: "Empty: as the server's own settings say",
  },
];
