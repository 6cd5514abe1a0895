/** Every view there is, in the order of the menu. */
import {
  IconActivity,
  IconAdjustments,
  IconAlertTriangle,
  IconChartLine,
  IconClipboardList,
  IconHandStop,
  IconHistory,
  IconKey,
  IconListDetails,
  IconMap,
  IconRuler2,
  IconUsers,
  type IconProps,
} from "@tabler/icons-react";
import { type ComponentType, lazy } from "react";

import type { Rights } from "../desk/rights.ts";
import { PositionsView } from "../positions/PositionsView.tsx";

/** The parts of the menu. */
export const GROUPS = ["Watch", "Act", "Administer"] as const;

export interface View {
  readonly path: string;
  readonly group: (typeof GROUPS)[number];
  /** Pressed after `g`, it goes there. */
  readonly letter: string;
  readonly name: string;
  readonly icon: ComponentType<IconProps>;
  readonly component: ComponentType;
  readonly isFor: (rights: Rights) => boolean;
}

type Load = () => Promise<{ readonly default: ComponentType }>;

const LOADS: Load[] = [];

/** Not on the first screen: fetched once that is drawn. */
function later(load: Load): ComponentType {
  LOADS.push(load);
  return lazy(load);
}

/** Fetch every view, so that they can be shown when there is no server any more. */
export function fetchViews(): void {
  for (const load of LOADS) {
    load().catch(() => undefined); // asked for again when it is opened
  }
}

const everybody = () => true;
const overseers = (rights: Rights) => rights.oversees;

export const VIEWS: readonly View[] = [
  {
    path: "positions",
    group: "Watch",
    letter: "p",
    name: "Positions",
    icon: IconMap,
    component: PositionsView,
    isFor: everybody,
  },
  {
    path: "operations",
    group: "Watch",
    letter: "o",
    name: "Operations",
    icon: IconActivity,
    component: later(async () => ({
      default: (await import("../operations/OperationsView.tsx")).OperationsView,
    })),
    isFor: everybody,
  },
  {
    path: "exit-log",
    group: "Watch",
    letter: "e",
    name: "Exit log",
    icon: IconHistory,
    component: later(async () => ({
      default: (await import("../exit-log/ExitLogView.tsx")).ExitLogView,
    })),
    isFor: everybody,
  },
  {
    path: "alerts",
    group: "Watch",
    letter: "a",
    name: "Alerts",
    icon: IconAlertTriangle,
    component: later(async () => ({
      default: (await import("../watch/alerts/AlertsView.tsx")).AlertsView,
    })),
    isFor: overseers,
  },
  {
    path: "halts",
    group: "Act",
    letter: "h",
    name: "Halts",
    icon: IconHandStop,
    component: later(async () => ({
      default: (await import("../watch/halts/HaltsView.tsx")).HaltsView,
    })),
    isFor: everybody,
  },
  {
    path: "approvals",
    group: "Act",
    letter: "s",
    name: "Approvals",
    icon: IconUsers,
    component: later(async () => ({
      default: (await import("../watch/approvals/ApprovalsView.tsx")).ApprovalsView,
    })),
    isFor: (rights) => rights.closes || rights.confirms,
  },
  {
    path: "rules",
    group: "Act",
    letter: "r",
    name: "Rules",
    icon: IconRuler2,
    component: later(async () => ({
      default: (await import("../watch/rules/RulesView.tsx")).RulesView,
    })),
    isFor: everybody,
  },
  {
    path: "orders",
    group: "Act",
    letter: "d",
    name: "Orders",
    icon: IconListDetails,
    component: later(async () => ({
      default: (await import("../orders/OrdersView.tsx")).OrdersView,
    })),
    isFor: everybody,
  },
  {
    path: "profit",
    group: "Watch",
    letter: "l",
    name: "Profit",
    icon: IconChartLine,
    component: later(async () => ({
      default: (await import("../profit/ProfitView.tsx")).ProfitView,
    })),
    isFor: everybody,
  },
  {
    path: "tokens",
    group: "Administer",
    letter: "t",
    name: "Tokens",
    icon: IconKey,
    component: later(async () => ({
      default: (await import("../watch/tokens/TokensView.tsx")).TokensView,
    })),
    isFor: (rights) => rights.administers,
  },
  {
    path: "health",
    group: "Watch",
    letter: "c",
    name: "Health",
    icon: IconClipboardList,
    component: later(async () => ({
      default: (await import("../health/HealthView.tsx")).HealthView,
    })),
    isFor: everybody,
  },
  {
    path: "settings",
    group: "Administer",
    letter: "y",
    name: "Settings",
    icon: IconAdjustments,
    component: later(async () => ({
      default: (await import("../settings/SettingsView.tsx")).SettingsView,
    })),
    isFor: everybody,
  },
];
