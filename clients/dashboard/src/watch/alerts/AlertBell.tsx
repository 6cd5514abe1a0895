import { ActionIcon, Indicator } from "@mantine/core";
import { IconBell } from "@tabler/icons-react";

import { linkTo } from "../../shell/route.ts";
import { formatCount } from "../../words/format.ts";
import { useOpenAlerts } from "./useOpenAlerts.ts";

/** In the header: how many alerts are open, red where somebody must act now. */
export function AlertBell() {
  const { open, act, look } = useOpenAlerts();
  const color = act > 0 ? "red" : look > 0 ? "yellow" : "gray";
  const says =
    open === 0 ? "No open alerts" : `${String(open)} open alerts, ${String(act)} to act on now`;
  return (
    <Indicator
      label={formatCount(open)}
      disabled={open === 0}
      color={color}
      size={16}
      offset={4}
      autoContrast
    >
      <ActionIcon
        component="a"
        href={linkTo("alerts")}
        variant="subtle"
        color="gray"
        aria-label={says}
        title={says}
      >
        <IconBell size={20} />
      </ActionIcon>
    </Indicator>
  );
}
