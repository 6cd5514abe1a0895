import { Page } from "../shell/Page.tsx";

export function OrdersView() {
  return <Page title="Orders">{null}</Page>;
}
