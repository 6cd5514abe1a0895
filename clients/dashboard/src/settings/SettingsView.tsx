import { Tabs } from "@mantine/core";

import { Page } from "../shell/Page.tsx";
import { Policy } from "./Policy.tsx";
import { Preferences } from "./Preferences.tsx";

/** What people prefer, and what is laid down for everybody. */
export function SettingsView() {
  return (
    <Page title="Settings">
      <Tabs defaultValue="preferences" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="preferences">My preferences</Tabs.Tab>
          <Tabs.Tab value="policy">The policy</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="preferences">
          <Preferences />
        </Tabs.Panel>
        <Tabs.Panel value="policy">
          <Policy />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
