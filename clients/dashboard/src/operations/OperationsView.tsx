import { Page } from "../shell/Page.tsx";

export function OperationsView() {
  return <Page title="Operations">{null}</Page>;
}
