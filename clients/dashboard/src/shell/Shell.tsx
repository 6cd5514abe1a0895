import { AppShell, Burger, Button, Group, Text } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { Suspense, useEffect, useMemo, useRef, useState } from "react";

import { useRights, useShown } from "../desk/hooks.ts";
import { type Aim, FlattenContext } from "../flatten/aim.ts";
import { FlattenDrawer } from "../flatten/FlattenDrawer.tsx";
import { RunningPresses } from "../flatten/RunningPresses.tsx";
import { AlertBell } from "../watch/alerts/AlertBell.tsx";
import { Announcements } from "../watch/alerts/Announcements.tsx";
import { ApprovalNotice } from "../watch/approvals/ApprovalNotice.tsx";
import { HaltBanner } from "../watch/halts/HaltBanner.tsx";
import { ConnectionBanner } from "./ConnectionBanner.tsx";
import { ConnectionMark } from "./ConnectionMark.tsx";
import { useJumps } from "./jumps.ts";
import { KeyboardHelp } from "./KeyboardHelp.tsx";
import { ModeMark } from "./ModeMark.tsx";
import { Notices } from "./Notices.tsx";
import { PersonMenu } from "./PersonMenu.tsx";
import { useRoute } from "./route.ts";
import classes from "./Shell.module.css";
import { ThumbBar } from "./ThumbBar.tsx";
import { ViewBoundary } from "./ViewBoundary.tsx";
import { ViewMenu } from "./ViewMenu.tsx";
import { fetchViews, VIEWS } from "./views.ts";
import { ViewTitle } from "./ViewTitle.tsx";

const FETCH_AFTER_MS = 500; // the first view has been drawn by then
const AT_HAND = ["positions", "operations"];

interface ShellProps {
  readonly onSignOut: () => void;
}

/** Around every view: where we are, whether we hear the server, and the one red button. */
export function Shell({ onSignOut }: ShellProps) {
  const [isMenuOpen, menu] = useDisclosure();
  const [isHelpOpen, help] = useDisclosure();
  const [aim, setAim] = useState<Aim>();
  const rights = useRights();
  const isLive = useShown().is === "live";
  const main = useRef<HTMLElement>(null);
  const route = useRoute();
  const views = useMemo(() => VIEWS.filter((view) => view.isFor(rights)), [rights]);
  const view = views.find(({ path }) => path === route.view) ?? views[0];
  const flatten = () => {
    if (rights.closes) setAim((before) => before ?? {}); // an open drawer keeps what it is aimed at
  };
  useHotkeys([
    ["f", flatten],
    ["?", help.toggle],
    ["shift+?", help.toggle],
  ]);
  useJumps(views);
  useFocusOnChange(view?.path, main);
  useEffect(() => {
    const timer = setTimeout(fetchViews, FETCH_AFTER_MS);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  if (view === undefined) return null;
  const Shown = view.component;
  return (
    <FlattenContext value={setAim}>
      <ViewTitle name={view.name} />
      <Button className={classes.skip} onClick={() => main.current?.focus()}>
        Skip to the view
      </Button>
      <AppShell
        header={{ height: 56 }}
        navbar={{ width: 200, breakpoint: "sm", collapsed: { mobile: !isMenuOpen } }}
        footer={{ height: { base: 68, sm: 0 } }}
        padding="md"
      >
        <AppShell.Header>
          <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="sm">
            <Group wrap="nowrap" gap="sm">
              <Burger
                opened={isMenuOpen}
                onClick={menu.toggle}
                hiddenFrom="sm"
                size="sm"
                aria-label="Menu"
                aria-expanded={isMenuOpen}
              />
              <Text className={classes.brand}>rpcserver</Text>
              <ViewBoundary extent="part" name="The mode">
                <ModeMark />
              </ViewBoundary>
            </Group>
            <Group wrap="nowrap" gap="sm">
              <ViewBoundary extent="part" name="The connection">
                <ConnectionMark />
              </ViewBoundary>
              {rights.oversees && (
                <ViewBoundary extent="part" name="The bell">
                  <AlertBell />
                </ViewBoundary>
              )}
              <ViewBoundary extent="part" name="Your menu">
                <PersonMenu onKeys={help.open} onSignOut={onSignOut} />
              </ViewBoundary>
              {rights.closes && (
                <Button color="red" onClick={flatten} aria-keyshortcuts="f" visibleFrom="sm">
                  Flatten
                </Button>
              )}
            </Group>
          </Group>
        </AppShell.Header>
        <AppShell.Navbar p="xs" aria-label="Views">
          <ViewBoundary extent="part" name="The menu">
            <ViewMenu views={views} shown={view} onChoose={menu.close} />
          </ViewBoundary>
        </AppShell.Navbar>
        <AppShell.Main ref={main} tabIndex={-1} className={classes.main}>
          <ViewBoundary extent="part" name="The connection banner">
            <ConnectionBanner />
          </ViewBoundary>
          <ViewBoundary extent="part" name="Notices">
            <Notices />
          </ViewBoundary>
          <div data-stale={!isLive}>
            <ViewBoundary extent="part" name="Approvals">
              <ApprovalNotice />
            </ViewBoundary>
            <ViewBoundary extent="part" name="Halts">
              <HaltBanner />
            </ViewBoundary>
          </div>
          <ViewBoundary extent="part" name="Running operations">
            <RunningPresses />
          </ViewBoundary>
          <ViewBoundary extent="part" name="The Flatten drawer">
            <FlattenDrawer
              aim={aim}
              onClose={() => {
                setAim(undefined);
              }}
            />
          </ViewBoundary>
          <ViewBoundary extent="part" name="Announcements">
            <Announcements />
          </ViewBoundary>
          <div className={classes.view} data-stale={!isLive}>
            <ViewBoundary key={view.path} name={view.name}>
              <Suspense fallback={<Text c="dimmed">Loading…</Text>}>
                <Shown />
              </Suspense>
            </ViewBoundary>
          </div>
        </AppShell.Main>
        <AppShell.Footer hiddenFrom="sm">
          <ThumbBar
            views={views.filter(({ path }) => AT_HAND.includes(path))}
            shown={view}
            mayClose={rights.closes}
            onFlatten={flatten}
          />
        </AppShell.Footer>
      </AppShell>
      <ViewBoundary extent="part" name="The keys">
        <KeyboardHelp
          views={views}
          mayClose={rights.closes}
          isOpen={isHelpOpen}
          onClose={help.close}
        />
      </ViewBoundary>
    </FlattenContext>
  );
}

/** Whoever goes to another view by keyboard reads on there. */
function useFocusOnChange(
  path: string | undefined,
  main: { readonly current: HTMLElement | null },
): void {
  const before = useRef(path);
  useEffect(() => {
    if (before.current !== path) main.current?.focus({ preventScroll: true });
    before.current = path;
  }, [path, main]);
}
