import {
  Alert,
  Autocomplete,
  Button,
  Checkbox,
  Drawer,
  Group,
  SegmentedControl,
  Select,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import type { AccountAnswer } from "rpcclient";
import { useMemo, useState } from "react";

import { useAnswer, useDesk, useObstacle } from "../desk/hooks.ts";
import { argsOf, type Draft, EMPTY, needsLimit, needsStop, problemsOf, wordsOf } from "./ticket.ts";
import { TicketEnd } from "./TicketEnd.tsx";
import { TicketQuote } from "./TicketQuote.tsx";
import { usePlacing } from "./usePlacing.ts";

interface TicketProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

const TYPES = [
  { value: "MARKET", label: "Market" },
  { value: "LIMIT", label: "Limit" },
  { value: "STOPMARKET", label: "Stop" },
  { value: "STOPLIMIT", label: "Stop limit" },
];
const LIVES = [
  { value: "day", label: "Day" },
  { value: "gtc", label: "Until canceled" },
  { value: "ioc", label: "At once or not (IOC)" },
  { value: "fok", label: "Whole or not (FOK)" },
];
const REQUIRED = [
  { value: "", label: "Whatever it is" },
  { value: "flat", label: "Only if flat" },
  { value: "long", label: "Only if long" },
  { value: "short", label: "Only if short" },
];

/** An order for the paper venue. */
export function Ticket({ isOpen, onClose }: TicketProps) {
  return (
    <Drawer
      opened={isOpen}
      onClose={onClose}
      position="right"
      size="md"
      title="New order on paper"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <TicketForm />
    </Drawer>
  );
}

function TicketForm() {
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const [isTried, setTried] = useState(false);
  const { positions } = useDesk();
  const { answer: known } = useAnswer("ListAccounts", {});
  const accounts = known?.accounts ?? [];
  const placing = usePlacing();
  const obstacle = useObstacle("opens");
  const account = accounts.find((each) => nameOf(each) === draft.account);
  const isLive = account !== undefined && !account.sandbox;
  const problems = problemsOf(draft);
  const shown = isTried ? problems : {};
  const held = useMemo(() => positions.instruments, [positions]);
  const take = (change: Partial<Draft>) => {
    setDraft((before) => ({ ...before, ...change }));
  };
  if (placing.end !== undefined) {
    return <TicketEnd end={placing.end} words={wordsOf(draft)} onAgain={placing.again} />;
  }
  const send = () => {
    setTried(true);
    if (Object.keys(problems).length > 0 || isLive || obstacle !== undefined) return;
    void placing.place(argsOf(draft));
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Stack>
        <Select
          label="Account"
          required
          data={accounts.map((each) => ({
            value: nameOf(each),
            label: each.sandbox ? nameOf(each) : `${nameOf(each)} (live)`,
          }))}
          value={draft.account === "" ? null : draft.account}
          error={shown.account}
          searchable
          onChange={(value) => {
            take({ account: value ?? "" });
          }}
        />
        {isLive && (
          <Alert color="red" role="alert" title="Not from here">
            {draft.account} is a live account. This ticket is for accounts on paper only.
          </Alert>
        )}
        <Autocomplete
          label="Instrument"
          description="A root, such as ES, means its front month"
          required
          data={[...held]}
          limit={8}
          value={draft.instrument}
          error={shown.instrument}
          onChange={(instrument) => {
            take({ instrument });
          }}
        />
        <TicketQuote instrument={draft.instrument.trim()} account={draft.account} />
        <SegmentedControl
          aria-label="Side"
          fullWidth
          color={draft.action === "buy" ? "sea" : "orange.9"}
          data={[
            { value: "buy", label: "Buy" },
            { value: "sell", label: "Sell" },
          ]}
          value={draft.action}
          onChange={(action) => {
            take({ action: action });
          }}
        />
        <Group grow align="flex-start">
          <TextInput
            label="Quantity"
            required
            inputMode="decimal"
            value={draft.quantity}
            error={shown.quantity}
            onChange={(event) => {
              take({ quantity: event.currentTarget.value });
            }}
          />
          <Select
            label="Type"
            data={TYPES}
            allowDeselect={false}
            value={draft.orderType}
            onChange={(value) => {
              take({ orderType: value as Draft["orderType"] });
            }}
          />
        </Group>
        {(needsLimit(draft.orderType) || needsStop(draft.orderType)) && (
          <Group grow align="flex-start">
            {needsStop(draft.orderType) && (
              <TextInput
                label="Stop price"
                required
                inputMode="decimal"
                value={draft.stopPrice}
                error={shown.stopPrice}
                onChange={(event) => {
                  take({ stopPrice: event.currentTarget.value });
                }}
              />
            )}
            {needsLimit(draft.orderType) && (
              <TextInput
                label="Limit price"
                required
                inputMode="decimal"
                value={draft.limitPrice}
                error={shown.limitPrice}
                onChange={(event) => {
                  take({ limitPrice: event.currentTarget.value });
                }}
              />
            )}
          </Group>
        )}
        <Group grow align="flex-start">
          <Select
            label="Lives"
            data={LIVES}
            allowDeselect={false}
            value={draft.timeInForce}
            onChange={(value) => {
              take({ timeInForce: value as Draft["timeInForce"] });
            }}
          />
          <Select
            label="The position must be"
            data={REQUIRED}
            allowDeselect={false}
            value={draft.requireMarketPosition}
            onChange={(value) => {
              take({ requireMarketPosition: value as Draft["requireMarketPosition"] });
            }}
          />
        </Group>
        <TextInput
          label="Strategy tag"
          value={draft.tag}
          onChange={(event) => {
            take({ tag: event.currentTarget.value });
          }}
        />
        <Checkbox
          label="Reduce only: never open, never turn a position"
          checked={draft.reduceOnly}
          onChange={(event) => {
            take({ reduceOnly: event.currentTarget.checked });
          }}
        />
        {placing.refusal !== undefined && (
          <Alert color="red" role="alert" title={placing.refusal.title}>
            {placing.refusal.detail}
          </Alert>
        )}
        {obstacle !== undefined && (
          <Text size="sm" c="dimmed">
            {obstacle}
          </Text>
        )}
        <Button
          type="submit"
          size="md"
          disabled={placing.isBusy || isLive || obstacle !== undefined}
        >
          {placing.isBusy ? "Sending…" : wordsOf(draft)}
        </Button>
      </Stack>
    </form>
  );
}

function nameOf(account: AccountAnswer): string {
  return `${account.venue}:${account.name}`;
}
