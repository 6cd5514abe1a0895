import { Drawer } from "@mantine/core";

import type { Aim } from "./aim.ts";

interface FlattenDrawerProps {
  /** Undefined: it is closed. */
  readonly aim: Aim | undefined;
  readonly onClose: () => void;
}

/** From a scope to the proof: filters, the plan, hold to confirm, progress. */
export function FlattenDrawer({ aim, onClose }: FlattenDrawerProps) {
  return (
    <Drawer
      opened={aim !== undefined}
      onClose={onClose}
      position="right"
      size="xl"
      title="Flatten"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {null}
    </Drawer>
  );
}
