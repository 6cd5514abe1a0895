import { useDocumentTitle } from "@mantine/hooks";

import { useShown } from "../desk/hooks.ts";
import { useOpenAlerts } from "../watch/alerts/useOpenAlerts.ts";
import { formatCount } from "../words/format.ts";

/** What the tab is called: how many alerts are open, whether it is live, and the view. */
export function ViewTitle({ name }: { readonly name: string }) {
  const isLive = useShown().is === "live";
  const { open } = useOpenAlerts();
  const count = open === 0 ? "" : `(${formatCount(open)}) `;
  useDocumentTitle(`${count}${isLive ? "" : "Not live · "}${name} · rpcserver`);
  return null;
}
