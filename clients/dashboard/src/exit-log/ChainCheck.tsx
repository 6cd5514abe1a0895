import { Alert, Button, Code, CopyButton, Group, Stack, Text } from "@mantine/core";
import { IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import type { ChainAnswer } from "rpcclient";

import { formatCount } from "../words/format.ts";

interface ChainCheckProps {
  readonly chain: ChainAnswer;
  readonly onClose: () => void;
}

/** What a walk over the whole audit found: intact, or where it is broken. */
export function ChainCheck({ chain, onClose }: ChainCheckProps) {
  const { intact, records, auditSeq, auditHead, auditSignature, publicKey } = chain;
  const witness = [auditSeq, auditHead, auditSignature].filter(Boolean).join(":");
  return (
    <Alert
      color={intact ? "teal" : "red"}
      variant={intact ? "light" : "filled"}
      role={intact ? "status" : "alert"}
      icon={intact ? <IconShieldCheck /> : <IconShieldX />}
      title={
        intact ? "The chain is intact" : `BROKEN at record ${String(chain.firstBroken ?? "?")}`
      }
      withCloseButton
      closeButtonLabel="Dismiss"
      onClose={onClose}
    >
      <Stack gap="xs">
        <Text size="sm">
          {intact
            ? `${formatCount(records)} records, each bound to the one before it. Nothing was changed or taken out.`
            : `${chain.detail} What comes after it proves nothing. Keep the data directory as it is, and compare it with a witness.`}
        </Text>
        {intact && (
          <>
            <Figure name="Head" text={`${String(auditSeq)} · ${auditHead}`} />
            <Figure name="Signature" text={auditSignature ?? "– (the server signs nothing)"} />
            <Figure name="Public key" text={publicKey ?? "–"} />
            <Group gap="xs">
              <CopyButton value={witness}>
                {({ copied, copy }) => (
                  <Button size="xs" variant="default" onClick={copy}>
                    {copied ? "Copied" : "Copy the witness"}
                  </Button>
                )}
              </CopyButton>
              <Text size="xs" c="dimmed">
                Kept elsewhere, it shows that nothing was cut off later: rpcserver audit verify
                --witness …
              </Text>
            </Group>
          </>
        )}
      </Stack>
    </Alert>
  );
}

function Figure({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <Text size="xs">
      <Text span size="xs" fw={600}>
        {name}{" "}
      </Text>
      <Code style={{ overflowWrap: "anywhere" }}>{text}</Code>
    </Text>
  );
}
