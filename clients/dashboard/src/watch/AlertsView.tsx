import { Page } from "../shell/Page.tsx";

export function AlertsView() {
  return <Page title="Alerts">{null}</Page>;
}
