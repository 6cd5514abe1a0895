import { Page } from "../shell/Page.tsx";

export function ExitLogView() {
  return <Page title="Exit log">{null}</Page>;
}
