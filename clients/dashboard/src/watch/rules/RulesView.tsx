import { Page } from "../../shell/Page.tsx";

export function RulesView() {
  return <Page title="Rules">{null}</Page>;
}
