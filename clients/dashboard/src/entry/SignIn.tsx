import {
  Alert,
  Button,
  Center,
  Loader,
  Paper,
  PasswordInput,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { useState } from "react";

interface SignInProps {
  readonly isBusy: boolean;
  readonly refusal: string | undefined;
  readonly onToken: (token: string) => Promise<void>;
}

/** The door: a token, and why the last one was refused. */
export function SignIn({ isBusy, refusal, onToken }: SignInProps) {
  const [token, setToken] = useState("");
  return (
    <Center component="main" mih="100dvh" p="md">
      <Paper withBorder p="xl" w="100%" maw={420}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void onToken(token.trim());
          }}
        >
          <Stack>
            <div>
              <Title order={1} size="h3">
                rpcserver
              </Title>
              <Text c="dimmed">Get flat, and prove it.</Text>
            </div>
            {refusal !== undefined && (
              <Alert color="red" title="Not signed in" role="alert">
                {refusal}
              </Alert>
            )}
            {/* For password managers, which keep nothing without a name. */}
            <input
              className="visually-hidden"
              type="text"
              name="username"
              autoComplete="username"
              value={window.location.host}
              readOnly
              tabIndex={-1}
              aria-hidden
            />
            <PasswordInput
              name="token"
              label="Token"
              description="It stays in this tab, and ends with it."
              autoComplete="current-password"
              required
              autoFocus
              value={token}
              onChange={(event) => {
                setToken(event.currentTarget.value);
              }}
            />
            <Button type="submit" disabled={isBusy || token.trim() === ""}>
              {isBusy ? <Loader size="xs" aria-label="Signing in" /> : "Sign in"}
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
