import { MultiSelect, SegmentedControl, Stack, Text } from "@mantine/core";
import { useMemo } from "react";

import { useAnswer, useDesk, useRows } from "../desk/hooks.ts";
import type { Choice, Reach } from "./choice.ts";

export interface FieldsProps {
  readonly choice: Choice;
  readonly onChange: (change: Partial<Choice>) => void;
}

interface ScopeFieldsProps extends FieldsProps {
  readonly hasPreferred: boolean;
}

/** Which positions: by filters, everything, or what the caller prefers. */
export function ScopeFields({ choice, onChange, hasPreferred }: ScopeFieldsProps) {
  const accounts = useAccounts(choice.accounts);
  const instruments = useInstruments(choice.instruments);
  return (
    <Stack gap="sm">
      <SegmentedControl
        fullWidth
        aria-label="What to close"
        value={choice.reach}
        onChange={(reach) => {
          onChange({ reach: reach as Reach });
        }}
        data={[
          { value: "filters", label: "What I choose" },
          { value: "everything", label: "Everything" },
          ...(hasPreferred ? [{ value: "preferred", label: "My scope" }] : []),
        ]}
      />
      {choice.reach === "everything" && (
        <Text size="sm">
          Every position <b>and every working order</b> of every account that you may trade.
        </Text>
      )}
      {choice.reach === "preferred" && (
        <Text size="sm">The scope of your preferences. The plan says what that is now.</Text>
      )}
      {choice.reach === "filters" && (
        <>
          <MultiSelect
            label="Accounts"
            placeholder={choice.accounts.length === 0 ? "Any" : undefined}
            data={accounts}
            value={[...choice.accounts]}
            onChange={(chosen) => {
              onChange({ accounts: chosen });
            }}
            searchable
            clearable
            hidePickedOptions
            selectFirstOptionOnChange
            nothingFoundMessage="No such account"
            data-autofocus
          />
          <MultiSelect
            label="Instruments"
            placeholder={choice.instruments.length === 0 ? "Any" : undefined}
            data={instruments}
            value={[...choice.instruments]}
            onChange={(chosen) => {
              onChange({ instruments: chosen });
            }}
            searchable
            clearable
            hidePickedOptions
            selectFirstOptionOnChange
            limit={200}
            nothingFoundMessage="Nothing of this name is held"
          />
          <SegmentedControl
            fullWidth
            aria-label="Side"
            value={choice.side}
            onChange={(side) => {
              onChange({ side: side });
            }}
            data={[
              { value: "any", label: "Long and short" },
              { value: "long", label: "Long only" },
              { value: "short", label: "Short only" },
            ]}
          />
        </>
      )}
    </Stack>
  );
}

interface Option {
  readonly value: string;
  readonly label: string;
}

/** Every account of the token; those that hold something are known before they are asked for. */
function useAccounts(chosen: readonly string[]): Option[] {
  const { answer } = useAnswer("ListAccounts", {});
  const positions = useRows(useDesk().positions.board);
  return useMemo(() => {
    const names = new Map<string, string>();
    for (const account of answer?.accounts ?? []) {
      const name = account.displayName === account.name ? "" : ` · ${account.displayName}`;
      names.set(account.id, `${account.id}${name}`);
    }
    for (const { venue, account } of positions) {
      const id = `${venue}:${account}`;
      if (!names.has(id)) names.set(id, id);
    }
    for (const id of chosen) if (!names.has(id)) names.set(id, id);
    return [...names].map(([value, label]) => ({ value, label }));
  }, [answer, positions, chosen]);
}

const EXPIRY = /^(\S+) \d{2}-\d{2}$/;

/** What is held, and the roots that stand for every expiry of it. */
export function useInstruments(chosen: readonly string[]): { group: string; items: Option[] }[] {
  const { positions } = useDesk();
  const rows = useRows(positions.board);
  return useMemo(() => {
    const held = new Set(rows.filter((row) => row.side !== "flat").map((row) => row.instrument));
    for (const name of chosen) held.add(name);
    const roots = new Set<string>();
    for (const name of held) {
      const root = EXPIRY.exec(name)?.[1];
      if (root !== undefined) roots.add(root);
    }
    const items = [...held].filter((name) => !roots.has(name)).sort();
    return [
      { group: "Held", items: items.map((name) => ({ value: name, label: name })) },
      {
        group: "Every expiry",
        items: [...roots].sort().map((name) => ({ value: name, label: `${name} (every expiry)` })),
      },
    ].filter((group) => group.items.length > 0);
  }, [rows, chosen]);
}
