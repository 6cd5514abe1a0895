import { Alert, Badge, Group, Select, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import type { NewTokenAnswer, TokenAnswer } from "rpcclient";
import { useMemo, useState } from "react";

import { explain, useAction, useAnswer, useDesk, useNow, useObstacle } from "../../desk/hooks.ts";
import { Page } from "../../shell/Page.tsx";
import { type Column, DataTable } from "../../table/DataTable.tsx";
import { formatDateTime } from "../../words/format.ts";
import { GuardedButton } from "../GuardedButton.tsx";
import { ReasonDialog } from "../ReasonDialog.tsx";
import { CreateDialog } from "./CreateDialog.tsx";
import { SecretDialog } from "./SecretDialog.tsx";
import { stateOf, STATES } from "./state.ts";

const ASK_MS = 10_000;
const STATE_MS = 10_000; // how often it is looked whether one has expired
const GRACES = [
  { value: "0", label: "The old one ends at once" },
  { value: "300000", label: "The old one lives on for 5 minutes" },
  { value: "3600000", label: "The old one lives on for an hour" },
  { value: "86400000", label: "The old one lives on for a day" },
];

/** What is being done to a token. */
interface Doing {
  readonly what: "rotate" | "revoke";
  readonly token: TokenAnswer;
}

/** Who has a token, what it may do, and until when. */
export function TokensView() {
  const { client } = useDesk();
  const { answer, error, refresh } = useAnswer("ListTokens", {}, { everyMs: ASK_MS });
  const now = useNow(STATE_MS) + client.clockOffsetMs;
  const obstacle = useObstacle("administers");
  const [isCreating, setCreating] = useState(false);
  const [made, setMade] = useState<NewTokenAnswer>();
  const [doing, setDoing] = useState<Doing>();
  const columns = useMemo(() => columnsOf(now, setDoing), [now]);
  const tokens = answer?.tokens ?? [];
  return (
    <Page
      title="Tokens"
      actions={
        <GuardedButton
          leftSection={<IconPlus size={18} />}
          obstacle={obstacle}
          onClick={() => {
            setCreating(true);
          }}
        >
          New token
        </GuardedButton>
      }
    >
      {error !== undefined && (
        <Alert color="red" role="alert">
          {explain(error)}
        </Alert>
      )}
      <DataTable
        label="Tokens"
        rows={tokens}
        columns={columns}
        keyOf={(row) => row.tokenId}
        nameOf={(row) => `${row.principal}, ${row.tokenId}`}
        empty={answer === undefined ? "Reading…" : "There are none over your accounts."}
        sort={{ id: "created", desc: true }}
        rankOf={(row) => (["live", "ending"].includes(stateOf(row, now)) ? 0 : 1)}
        toneOf={(row) => (["live", "ending"].includes(stateOf(row, now)) ? undefined : "past")}
        hasFilter
      />
      <CreateDialog
        isOpen={isCreating}
        onMade={(token) => {
          setCreating(false);
          setMade(token);
          refresh();
        }}
        onClose={() => {
          setCreating(false);
        }}
      />
      <SecretDialog
        made={made}
        onClose={() => {
          setMade(undefined);
        }}
      />
      <Rotate
        token={doing?.what === "rotate" ? doing.token : undefined}
        onMade={setMade}
        onClose={() => {
          setDoing(undefined);
          refresh();
        }}
      />
      <Revoke
        token={doing?.what === "revoke" ? doing.token : undefined}
        onClose={() => {
          setDoing(undefined);
          refresh();
        }}
      />
    </Page>
  );
}

function columnsOf(now: number, onDo: (doing: Doing) => void): readonly Column<TokenAnswer>[] {
  return [
    { id: "principal", header: "Speaks for", value: (row) => row.principal, grow: 2 },
    {
      id: "tokenId",
      header: "Token",
      value: (row) => row.tokenId,
      grow: 2,
      width: "10rem",
      under: "principal",
    },
    {
      id: "state",
      header: "State",
      value: (row) => STATES[stateOf(row, now)].word,
      cell: (row) => {
        const { word, color } = STATES[stateOf(row, now)];
        return (
          <Badge color={color} variant="light" radius="sm">
            {word}
          </Badge>
        );
      },
    },
    { id: "roles", header: "Roles", value: (row) => row.roles.join(", "), grow: 2, isExtra: true },
    {
      id: "accounts",
      header: "Accounts",
      value: (row) => (row.accounts.includes("*") ? "every account" : row.accounts.join(", ")),
      grow: 2,
      isExtra: true,
    },
    {
      id: "created",
      header: "Made",
      value: (row) => Date.parse(row.createdAt),
      cell: (row) => formatDateTime(row.createdAt),
      grow: 2,
      width: "11rem",
      isExtra: true,
    },
    { id: "createdBy", header: "By", value: (row) => row.createdBy ?? "–", isExtra: true },
    {
      id: "ends",
      header: "Ends",
      value: (row) => Date.parse(row.revokedAt ?? row.expiresAt ?? "9999-12-31"),
      cell: (row) => {
        const end = row.revokedAt ?? row.expiresAt;
        return end === null ? "never" : formatDateTime(end);
      },
      grow: 2,
      width: "11rem",
      isExtra: true,
    },
    {
      id: "actions",
      header: "Actions",
      isPlain: true,
      value: () => undefined,
      grow: 2,
      width: "11rem",
      cell: (row, tabIndex) =>
        ["live", "ending"].includes(stateOf(row, now)) && (
          <Group gap={4} wrap="nowrap">
            {(["rotate", "revoke"] as const).map((what) => (
              <ActionButton
                key={what}
                tabIndex={tabIndex}
                name={what === "rotate" ? "Rotate" : "Revoke"}
                of={row}
                onClick={() => {
                  onDo({ what, token: row });
                }}
              />
            ))}
          </Group>
        ),
    },
  ];
}

interface ActionButtonProps {
  readonly name: string;
  readonly of: TokenAnswer;
  readonly tabIndex: 0 | -1;
  readonly onClick: () => void;
}

function ActionButton({ name, of, tabIndex, onClick }: ActionButtonProps) {
  const obstacle = useObstacle("administers");
  return (
    <GuardedButton
      size="compact-xs"
      variant="default"
      tabIndex={tabIndex}
      aria-label={`${name} ${of.tokenId} of ${of.principal}`}
      obstacle={obstacle}
      onClick={onClick}
    >
      {name}
    </GuardedButton>
  );
}

interface RotateProps {
  /** Undefined: it is closed. */
  readonly token: TokenAnswer | undefined;
  readonly onMade: (made: NewTokenAnswer) => void;
  readonly onClose: () => void;
}

function Rotate({ token, onMade, onClose }: RotateProps) {
  const { run, isBusy, error, forget } = useAction("RotateToken");
  const [grace, setGrace] = useState("300000");
  const close = () => {
    forget();
    onClose();
  };
  const say = async (reason: string) => {
    if (token === undefined) return;
    const made = await run({ tokenId: token.tokenId, graceMs: Number(grace), reason });
    if (made === undefined) return;
    close();
    onMade(made);
  };
  return (
    <ReasonDialog
      isOpen={token !== undefined}
      title="Rotate the token"
      verb="Rotate"
      isReasonNeeded={false}
      isBusy={isBusy}
      error={error}
      onSay={(reason) => void say(reason)}
      onClose={close}
    >
      <Text size="sm">
        {`Another token for ${token?.principal ?? ""}, with the same roles and accounts.`}
      </Text>
      <Select
        label="Meanwhile"
        allowDeselect={false}
        data={GRACES}
        value={grace}
        onChange={(value) => {
          setGrace(value ?? "0");
        }}
      />
    </ReasonDialog>
  );
}

function Revoke({ token, onClose }: Omit<RotateProps, "onMade">) {
  const { run, isBusy, error, forget } = useAction("RevokeToken");
  const close = () => {
    forget();
    onClose();
  };
  return (
    <ReasonDialog
      isOpen={token !== undefined}
      title="Revoke the token"
      verb="Revoke"
      color="red"
      isBusy={isBusy}
      error={error}
      onSay={(reason) => {
        if (token === undefined) return;
        void run({ tokenId: token.tokenId, reason }).then((done) => {
          if (done !== undefined) close();
        });
      }}
      onClose={close}
    >
      <Text size="sm">
        {`Whoever shows ${token?.tokenId ?? ""} of ${token?.principal ?? ""} is sent away at once. What was accepted goes on.`}
      </Text>
    </ReasonDialog>
  );
}
