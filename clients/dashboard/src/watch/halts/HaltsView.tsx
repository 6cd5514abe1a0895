import { Page } from "../../shell/Page.tsx";

export function HaltsView() {
  return <Page title="Halts">{null}</Page>;
}
