import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Group,
  NavLink,
  Text,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconLogout, IconMoon, IconSun } from "@tabler/icons-react";
import { Suspense, useState } from "react";

import { useConnection, useDesk, useRights } from "../desk/hooks.ts";
import { type Aim, FlattenContext } from "../flatten/aim.ts";
import { FlattenDrawer } from "../flatten/FlattenDrawer.tsx";
import { ConnectionBanner } from "./ConnectionBanner.tsx";
import { Notices } from "./Notices.tsx";
import { linkTo, useRoute } from "./route.ts";
import { VIEWS } from "./views.ts";

interface ShellProps {
  readonly onSignOut: () => void;
}

/** Around every view: where we are, whether we hear the server, and the one red button. */
export function Shell({ onSignOut }: ShellProps) {
  const [isMenuOpen, menu] = useDisclosure();
  const [aim, setAim] = useState<Aim>();
  const rights = useRights();
  const desk = useDesk();
  const connection = useConnection();
  const route = useRoute();
  const views = VIEWS.filter((view) => view.isFor(rights));
  const view = views.find(({ path }) => path === route.view) ?? views[0];
  useHotkeys([
    [
      "f",
      () => {
        if (rights.closes) setAim({});
      },
    ],
  ]);
  if (view === undefined) return null;
  const Shown = view.component;
  return (
    <FlattenContext value={setAim}>
      <AppShell
        header={{ height: 56 }}
        navbar={{ width: 200, breakpoint: "sm", collapsed: { mobile: !isMenuOpen } }}
        padding="md"
      >
        <AppShell.Header>
          <Group h="100%" px="md" justify="space-between" wrap="nowrap">
            <Group wrap="nowrap">
              <Burger
                opened={isMenuOpen}
                onClick={menu.toggle}
                hiddenFrom="sm"
                size="sm"
                aria-label="Menu"
              />
              <Text fw={700}>rpcserver</Text>
            </Group>
            <Group wrap="nowrap">
              <Text size="sm" c="dimmed" visibleFrom="sm">
                {desk.principal}
              </Text>
              <ColorSchemeButton />
              <ActionIcon variant="subtle" aria-label="Sign out" onClick={onSignOut}>
                <IconLogout size={18} />
              </ActionIcon>
              {rights.closes && (
                <Button
                  color="red"
                  onClick={() => {
                    setAim({});
                  }}
                  aria-keyshortcuts="f"
                >
                  Flatten
                </Button>
              )}
            </Group>
          </Group>
        </AppShell.Header>
        <AppShell.Navbar p="xs" aria-label="Views">
          {views.map(({ path, name, icon: Icon }) => (
            <NavLink
              key={path}
              href={linkTo(path)}
              label={name}
              active={path === view.path}
              aria-current={path === view.path ? "page" : undefined}
              leftSection={<Icon size={18} />}
              onClick={menu.close}
            />
          ))}
        </AppShell.Navbar>
        <AppShell.Main>
          <ConnectionBanner />
          <Notices />
          <div data-stale={connection.is !== "live"}>
            <Suspense fallback={<Text c="dimmed">Loading…</Text>}>
              <Shown />
            </Suspense>
          </div>
        </AppShell.Main>
      </AppShell>
      <FlattenDrawer
        aim={aim}
        onClose={() => {
          setAim(undefined);
        }}
      />
    </FlattenContext>
  );
}

function ColorSchemeButton() {
  const { colorScheme, toggleColorScheme } = useMantineColorScheme();
  const isDark = colorScheme === "dark";
  return (
    <ActionIcon variant="subtle" aria-label="Light or dark" onClick={toggleColorScheme}>
      {isDark ? <IconSun size={18} /> : <IconMoon size={18} />}
    </ActionIcon>
  );
}
