import { Page } from "../shell/Page.tsx";

export function ProfitView() {
  return <Page title="Profit">{null}</Page>;
}
