import { Page } from "../../shell/Page.tsx";

export function TokensView() {
  return <Page title="Tokens">{null}</Page>;
}
