import { Page } from "../shell/Page.tsx";

export function HealthView() {
  return <Page title="Health">{null}</Page>;
}
