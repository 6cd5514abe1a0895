import { Alert, Button, Stack, Text } from "@mantine/core";
import { IconBug } from "@tabler/icons-react";
import { Component, type ReactNode } from "react";

interface ViewBoundaryProps {
  readonly name: string;
  /** A `part` of the frame says it in one line; of the whole `page` nothing else is left. */
  readonly extent?: "view" | "part" | "page";
  readonly children: ReactNode;
}

interface Failed {
  readonly error: Error | undefined;
}

/** What throws says so, and takes nothing else with it: above all not the red button. */
export class ViewBoundary extends Component<ViewBoundaryProps, Failed> {
  override readonly state: Failed = { error: undefined };

  static getDerivedStateFromError(error: Error): Failed {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    const { name, extent = "view", children } = this.props;
    if (error === undefined) return children;
    const showAgain = () => {
      this.setState({ error: undefined });
    };
    switch (extent) {
      case "part":
        return (
          <Text role="alert" size="sm" c="var(--mantine-color-error)" title={error.message}>
            {`${name} cannot be shown. `}
            <Button variant="default" size="compact-xs" onClick={showAgain}>
              Show it again
            </Button>
          </Text>
        );
      case "page":
        return (
          <Told name={name} error={error} isLeft="Whatever was accepted goes on at the server.">
            <Button
              onClick={() => {
                window.location.reload();
              }}
            >
              Load it again
            </Button>
          </Told>
        );
      case "view":
        return (
          <Told name={name} error={error} isLeft="The other views, and Flatten, work on.">
            <Button variant="default" onClick={showAgain}>
              Show it again
            </Button>
          </Told>
        );
    }
  }
}

interface ToldProps {
  readonly name: string;
  readonly error: Error;
  /** What goes on all the same, in one sentence. */
  readonly isLeft: string;
  readonly children: ReactNode;
}

function Told({ name, error, isLeft, children }: ToldProps) {
  return (
    <Alert color="red" role="alert" icon={<IconBug />} title={`${name} cannot be shown`}>
      <Stack align="flex-start">
        {`This page made a mistake: ${error.message}. ${isLeft}`}
        {children}
      </Stack>
    </Alert>
  );
}
