import { Alert, Button, Stack } from "@mantine/core";
import { IconBug } from "@tabler/icons-react";
import { Component, type ReactNode } from "react";

interface ViewBoundaryProps {
  readonly name: string;
  readonly children: ReactNode;
}

interface Failed {
  readonly error: Error | undefined;
}

/** A view that throws says so, and takes nothing else with it: above all not the red button. */
export class ViewBoundary extends Component<ViewBoundaryProps, Failed> {
  override readonly state: Failed = { error: undefined };

  static getDerivedStateFromError(error: Error): Failed {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <Alert
        color="red"
        role="alert"
        icon={<IconBug />}
        title={`${this.props.name} cannot be shown`}
      >
        <Stack align="flex-start">
          {`This page made a mistake: ${error.message}. The other views, and Flatten, work on.`}
          <Button
            variant="default"
            onClick={() => {
              this.setState({ error: undefined });
            }}
          >
            Show it again
          </Button>
        </Stack>
      </Alert>
    );
  }
}
