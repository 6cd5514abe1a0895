/** Every view there is, in the order of the menu. */
import {
  IconActivity,
  IconAlertTriangle,
  IconChartLine,
  IconClipboardList,
  IconHandStop,
  IconHistory,
  IconKey,
  IconListDetails,
  IconMap,
  IconRuler2,
  type IconProps,
} from "@tabler/icons-react";
import { type ComponentType, lazy } from "react";

import type { Rights } from "../desk/rights.ts";
import { PositionsView } from "../positions/PositionsView.tsx";

export interface View {
  readonly path: string;
  readonly name: string;
  readonly icon: ComponentType<IconProps>;
  readonly component: ComponentType;
  readonly isFor: (rights: Rights) => boolean;
}

const everybody = () => true;
const overseers = (rights: Rights) => rights.oversees;

// What is not on the first screen is fetched when it is wanted.
export const VIEWS: readonly View[] = [
  {
    path: "positions",
    name: "Positions",
    icon: IconMap,
    component: PositionsView,
    isFor: everybody,
  },
  {
    path: "operations",
    name: "Operations",
    icon: IconActivity,
    component: lazy(async () => ({
      default: (await import("../operations/OperationsView.tsx")).OperationsView,
    })),
    isFor: everybody,
  },
  {
    path: "exit-log",
    name: "Exit log",
    icon: IconHistory,
    component: lazy(async () => ({
      default: (await import("../exit-log/ExitLogView.tsx")).ExitLogView,
    })),
    isFor: everybody,
  },
  {
    path: "alerts",
    name: "Alerts",
    icon: IconAlertTriangle,
    component: lazy(async () => ({
      default: (await import("../watch/AlertsView.tsx")).AlertsView,
    })),
    isFor: overseers,
  },
  {
    path: "halts",
    name: "Halts",
    icon: IconHandStop,
    component: lazy(async () => ({ default: (await import("../watch/HaltsView.tsx")).HaltsView })),
    isFor: everybody,
  },
  {
    path: "rules",
    name: "Rules",
    icon: IconRuler2,
    component: lazy(async () => ({ default: (await import("../watch/RulesView.tsx")).RulesView })),
    isFor: everybody,
  },
  {
    path: "orders",
    name: "Orders",
    icon: IconListDetails,
    component: lazy(async () => ({
      default: (await import("../orders/OrdersView.tsx")).OrdersView,
    })),
    isFor: everybody,
  },
  {
    path: "profit",
    name: "Profit",
    icon: IconChartLine,
    component: lazy(async () => ({
      default: (await import("../profit/ProfitView.tsx")).ProfitView,
    })),
    isFor: everybody,
  },
  {
    path: "tokens",
    name: "Tokens",
    icon: IconKey,
    component: lazy(async () => ({
      default: (await import("../watch/TokensView.tsx")).TokensView,
    })),
    isFor: (rights) => rights.administers,
  },
  {
    path: "health",
    name: "Health",
    icon: IconClipboardList,
    component: lazy(async () => ({
      default: (await import("../health/HealthView.tsx")).HealthView,
    })),
    isFor: everybody,
  },
];
