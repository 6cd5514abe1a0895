import { Drawer, Loader } from "@mantine/core";
import { lazy, Suspense, useCallback, useEffect, useRef } from "react";

import type { Press } from "../desk/desk.ts";
import { useDesk } from "../desk/hooks.ts";
import type { Aim } from "./aim.ts";
import { waitingOf } from "./useConfirmed.ts";

const load = () => import("./FlattenPanel.tsx");
const FlattenPanel = lazy(load);

interface FlattenDrawerProps {
  /** Undefined: it is closed. */
  readonly aim: Aim | undefined;
  readonly onClose: () => void;
}

/** From a scope to the proof: filters, the plan, hold to confirm, progress. */
export function FlattenDrawer({ aim, onClose }: FlattenDrawerProps) {
  const { presses } = useDesk();
  const shown = useRef<Press>(undefined);
  useEffect(() => {
    void load(); // it must open at once, also when nothing can be fetched any more
  }, []);
  const onShow = useCallback((press: Press | undefined) => {
    shown.current = press;
  }, []);
  const close = () => {
    const seen = shown.current && presses.get(shown.current.key);
    if (seen?.story.isOver === true && waitingOf(seen) === undefined) presses.remove(seen.key);
    shown.current = undefined;
    onClose();
  };
  return (
    <Drawer
      opened={aim !== undefined}
      onClose={close}
      position="right"
      size={720}
      title="Flatten"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Suspense fallback={<Loader aria-label="Loading" />}>
        {aim !== undefined && <FlattenPanel aim={aim} onClose={close} onShow={onShow} />}
      </Suspense>
    </Drawer>
  );
}
