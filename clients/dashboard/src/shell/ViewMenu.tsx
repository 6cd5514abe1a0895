import { NavLink, ScrollArea, Text } from "@mantine/core";

import { linkTo } from "./route.ts";
import classes from "./Shell.module.css";
import { GROUPS, type View } from "./views.ts";

interface ViewMenuProps {
  /** Those that this token may see. */
  readonly views: readonly View[];
  readonly shown: View;
  readonly onChoose: () => void;
}

/** Every view by what one does there. */
export function ViewMenu({ views, shown, onChoose }: ViewMenuProps) {
  return (
    <ScrollArea type="auto">
      {GROUPS.map((group) => {
        const own = views.filter((view) => view.group === group);
        if (own.length === 0) return null;
        return (
          <div key={group} role="group" aria-label={group} className={classes.group}>
            <Text size="xs" fw={600} c="dimmed" px="sm" mb={4} aria-hidden>
              {group}
            </Text>
            {own.map(({ path, name, icon: Icon }) => (
              <NavLink
                key={path}
                className={classes.link}
                href={linkTo(path)}
                label={name}
                active={path === shown.path}
                aria-current={path === shown.path ? "page" : undefined}
                leftSection={<Icon size={18} />}
                onClick={onChoose}
              />
            ))}
          </div>
        );
      })}
    </ScrollArea>
  );
}
