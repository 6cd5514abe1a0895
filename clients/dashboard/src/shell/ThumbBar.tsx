import { Button, UnstyledButton } from "@mantine/core";

import { linkTo } from "./route.ts";
import classes from "./Shell.module.css";
import type { View } from "./views.ts";

interface ThumbBarProps {
  /** On either side of the button. */
  readonly views: readonly View[];
  readonly shown: View;
  readonly mayClose: boolean;
  readonly onFlatten: () => void;
}

/** On a phone: the red button where the thumb is, and the views one wants beside it. */
export function ThumbBar({ views, shown, mayClose, onFlatten }: ThumbBarProps) {
  const links = views.map(({ path, name, icon: Icon }) => (
    <UnstyledButton
      key={path}
      component="a"
      href={linkTo(path)}
      className={classes.thumbLink}
      aria-current={path === shown.path ? "page" : undefined}
    >
      <Icon size={20} />
      {name}
    </UnstyledButton>
  ));
  return (
    <nav className={classes.thumbBar} aria-label="At hand">
      {links.slice(0, links.length / 2)}
      {mayClose && (
        <Button color="red" size="md" className={classes.thumbFlatten} onClick={onFlatten}>
          Flatten
        </Button>
      )}
      {links.slice(links.length / 2)}
    </nav>
  );
}
