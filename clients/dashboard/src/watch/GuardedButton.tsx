import { Button, type ButtonProps, Tooltip } from "@mantine/core";

interface GuardedButtonProps extends ButtonProps {
  /** Why it cannot be pressed now; undefined: it can. */
  readonly obstacle: string | undefined;
  readonly onClick: () => void;
  readonly tabIndex?: 0 | -1;
  readonly "aria-label"?: string;
}

/** A button that says why it cannot be pressed, also to those who find it by keyboard. */
export function GuardedButton({ obstacle, onClick, ...props }: GuardedButtonProps) {
  if (obstacle === undefined) return <Button {...props} onClick={onClick} />;
  return (
    <Tooltip label={obstacle} multiline maw={260}>
      <Button {...props} data-disabled aria-disabled aria-description={obstacle} />
    </Tooltip>
  );
}
